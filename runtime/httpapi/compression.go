package httpapi

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"net/http"
	"runtime"
	"strings"

	"github.com/klauspost/compress/flate"
)

// Some answers are compressed for clients that take gzip: readings, aggregates, equipments, and what is wrong with the readings of
// a batch, as JSON and as CSV. They are large, and hold nothing that their readers may not know.
//
// No other answer of the API is. An answer that holds a secret beside something that somebody else may choose tells the secret by its
// length, once it is compressed (the attack called BREACH): a token beside a name, or a presigned address beside the name of a file.
// So a route is compressed only where the table of routes says so, and never one of sign-in, of uploads, or a problem, which repeats
// what a request said.

const (
	codingGzip = "gzip"
	// compressedBytesMin is the size from which compression is worth its headers: less goes in one packet in any case.
	compressedBytesMin = 1400
)

// compressionLevel is the cheapest. Of a page of 10,000 items, a level more takes 2 % more off and costs 6 % more; the level that the
// standard library takes by default costs twice as much here for 12 %.
const compressionLevel = flate.BestSpeed

// compressors are lent to streams for one part at a time, so that there are as many as processors, however many answers wait for their
// readers: each holds a megabyte. A nil one has not been needed yet.
type compressors chan *flate.Writer

func newCompressors() compressors {
	c := make(compressors, runtime.GOMAXPROCS(0))
	for range cap(c) {
		c <- nil
	}
	return c
}

// deflate appends a part of an answer to dst, compressed by itself and ended at a full byte, so that parts follow each other as they
// are. It waits for a compressor, which nobody keeps while a client is waited for.
func (c compressors) deflate(dst *bytes.Buffer, part []byte) error {
	lent := <-c
	defer func() { c <- lent }()
	if lent == nil {
		made, err := flate.NewWriter(dst, compressionLevel)
		if err != nil {
			return fmt.Errorf("make a compressor: %w", err)
		}
		lent = made
	} else {
		lent.Reset(dst)
	}
	if _, err := lent.Write(part); err != nil {
		return fmt.Errorf("compress an answer: %w", err)
	}
	if err := lent.Flush(); err != nil {
		return fmt.Errorf("compress an answer: %w", err)
	}
	return nil
}

// zipped is an answer on its way through gzip (RFC 1952): all that has to be known between two parts of it.
type zipped struct {
	compressors compressors
	begun       bool
	sum         uint32 // CRC-32 of what came in
	size        int    // of what came in
	out         bytes.Buffer
}

const (
	// gzipHead is the head of a gzip file without a name or a time, made for speed on an unknown system.
	gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
	// deflateEnd is an empty last block.
	deflateEnd = "\x01\x00\x00\xff\xff"
)

// part compresses a part. What it returns is good until the next call.
func (z *zipped) part(p []byte) ([]byte, error) {
	z.out.Reset()
	if !z.begun {
		z.begun = true
		z.out.WriteString(gzipHead)
	}
	if len(p) == 0 {
		return z.out.Bytes(), nil
	}
	z.sum = crc32.Update(z.sum, crc32.IEEETable, p)
	z.size += len(p)
	err := z.compressors.deflate(&z.out, p)
	return z.out.Bytes(), err
}

// end returns what comes after the last part.
func (z *zipped) end() []byte {
	end := binary.LittleEndian.AppendUint32([]byte(deflateEnd), z.sum)
	return binary.LittleEndian.AppendUint32(end, uint32(z.size&math.MaxUint32)) // the format has it modulo 2^32
}

// takesGzip tells whether a client takes gzip, and not less than what is not compressed.
func takesGzip(r *http.Request) bool {
	weights := map[string]float64{}
	for _, header := range r.Header["Accept-Encoding"] {
		for part := range strings.SplitSeq(header, ",") {
			coding, parameters, _ := strings.Cut(part, ";")
			weights[strings.ToLower(strings.TrimSpace(coding))] = quality(parameters)
		}
	}
	for _, name := range []string{codingGzip, "x-gzip", "*"} {
		if weight, named := weights[name]; named {
			return weight > 0 && weight >= weights["identity"]
		}
	}
	return false
}
