package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

const (
	// revalidate lets browsers keep a document and ask each time whether it is still the same.
	revalidate = "no-cache"
	// packedBytesMin is the size from which a document is sent compressed: below, it saves nothing that counts.
	packedBytesMin = 512
)

// document is one thing that browsers show or load.
type document struct {
	content []byte
	media   string
	policy  string
	// tag is the entity tag without its quotes. The compressed form has another one: a strong tag stands for exact bytes.
	tag string
	// packed returns the content compressed as well as gzip can, which is done once; nil where that is not worth it.
	packed func() []byte
}

func newDocument(content []byte, media, policy string) document {
	sum := sha256.Sum256(content)
	return document{content, media, policy, hex.EncodeToString(sum[:8]), sync.OnceValue(func() []byte { return pack(content) })}
}

func pack(content []byte) []byte {
	if len(content) < packedBytesMin {
		return nil
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		panic(fmt.Sprintf("gzip does not know its own level: %v", err))
	}
	_, _ = zip.Write(content) // a buffer takes everything
	_ = zip.Close()
	return packed.Bytes()
}

// serve answers with the document, compressed where the client takes that, or with 304 where it has it already.
func (d document) serve(w http.ResponseWriter, r *http.Request) error {
	header, content, tag := w.Header(), d.content, `"`+d.tag+`"`
	header.Set("Content-Security-Policy", d.policy)
	header.Set("Cache-Control", revalidate)
	header.Add("Vary", "Accept-Encoding")
	if packed := d.packed(); packed != nil && takesGzip(r.Header.Values("Accept-Encoding")) {
		content, tag = packed, `"`+d.tag+`-gzip"`
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("ETag", tag)
	if hasTag(r.Header.Values("If-None-Match"), tag) {
		header.Del("Content-Encoding") // there is no content
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Type", d.media)
	header.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content) // a client that has left has no use for the error
	return nil
}

// hasTag tells whether a client's If-None-Match names tag. The comparison is the weak one (RFC 9110, section 13.1.2): a proxy that
// changed how the content is encoded has marked the tag as weak.
func hasTag(values []string, tag string) bool {
	for _, value := range values {
		for one := range strings.SplitSeq(value, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// takesGzip tells whether an Accept-Encoding names gzip, or everything, and does not refuse it by a weight of zero.
func takesGzip(values []string) bool {
	every := false
	for _, value := range values {
		for one := range strings.SplitSeq(value, ",") {
			coding, parameters, _ := strings.Cut(one, ";")
			takes := !refusedByWeight(parameters)
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip", "x-gzip":
				return takes
			case "*":
				every = takes
			}
		}
	}
	return every
}

// refusedByWeight tells whether parameters hold a weight of zero, such as "q=0.000".
func refusedByWeight(parameters string) bool {
	name, weight, _ := strings.Cut(strings.ReplaceAll(parameters, " ", ""), "=")
	q, err := strconv.ParseFloat(weight, 64)
	return strings.EqualFold(name, "q") && err == nil && q == 0
}
