package deployment_test

import (
	"archive/zip"
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// asset is what the CDK's command line publishes before it creates a stack.
type asset struct {
	Region string
	// Bucket and Key are where the code of a function goes. An image has a Key alone, its tag.
	Bucket, Key string
	// Program is the command of runtime/cmd that it holds, empty where it holds none of ours, and Architecture what it was built for.
	Program, Architecture string
	// Source is the file of a function in JavaScript, empty for any other.
	Source string
}

// readAssets lists the assets of a stack. Which program one holds is read from the program itself, so that a function with another
// one's code runs that one here too.
func readAssets(dir, stackName string) ([]asset, error) {
	var manifest struct {
		Files map[string]struct {
			Source       struct{ Path string }
			Destinations map[string]struct{ Region, BucketName, ObjectKey string }
		}
		DockerImages map[string]struct {
			Source       struct{ Directory string }
			Destinations map[string]struct{ Region, ImageTag string }
		}
	}
	if err := readJSON(filepath.Join(dir, stackName+".assets.json"), &manifest); err != nil {
		return nil, err
	}
	var all []asset
	for _, file := range manifest.Files {
		program, architecture := programOf(filepath.Join(dir, file.Source.Path, "bootstrap"))
		source := filepath.Join(dir, file.Source.Path, "index.js")
		if _, err := os.Stat(source); err != nil {
			source = ""
		}
		for _, to := range file.Destinations {
			all = append(all, asset{
				Region: to.Region, Bucket: to.BucketName, Key: to.ObjectKey, Program: program, Architecture: architecture, Source: source,
			})
		}
	}
	for _, image := range manifest.DockerImages {
		program, architecture := programOf(filepath.Join(dir, image.Source.Directory, "app"))
		for _, to := range image.Destinations {
			all = append(all, asset{Region: to.Region, Key: to.ImageTag, Program: program, Architecture: architecture})
		}
	}
	return all, nil
}

// programOf is the command that an executable was built from, and the architecture that it was built for.
func programOf(executable string) (program, architecture string) {
	const commands = "github.com/sensorflow/sensorflow/runtime/cmd/"
	info, err := buildinfo.ReadFile(executable)
	if err != nil || !strings.HasPrefix(info.Path, commands) {
		return "", ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "GOARCH" {
			architecture = setting.Value
		}
	}
	return path.Base(info.Path), architecture
}

// publish puts the code of functions where the templates say it is: archives that hold the program's name alone, as the programs are
// for machines of another kind than this one.
func (e *emulator) publish(ctx context.Context, assets []asset) error {
	for _, a := range assets {
		if a.Bucket == "" || !strings.HasSuffix(a.Key, ".zip") {
			continue
		}
		var archive bytes.Buffer
		w := zip.NewWriter(&archive)
		file, err := w.Create("bootstrap")
		if err == nil {
			_, err = file.Write([]byte(a.Program))
		}
		if err := errors.Join(err, w.Close()); err != nil {
			return fmt.Errorf("pack %s: %w", a.Key, err)
		}
		if err := e.upload(ctx, a, archive.Bytes()); err != nil {
			return fmt.Errorf("publish %s: %w", a.Key, err)
		}
	}
	return nil
}

func (e *emulator) upload(ctx context.Context, a asset, content []byte) error {
	client := s3.NewFromConfig(e.config(a.Region), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    &a.Bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(a.Region)},
	})
	if err != nil && !errors.As(err, new(*types.BucketAlreadyOwnedByYou)) {
		return err
	}
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &a.Bucket, Key: &a.Key, Body: bytes.NewReader(content)})
	return err
}
