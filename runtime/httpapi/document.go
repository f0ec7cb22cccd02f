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

// revalidate lets browsers keep a document and ask each time whether it is still the same.
const revalidate = "no-cache"

// document is one thing that browsers show or load. It is the same for everybody for as long as the process lives.
type document struct {
	media, policy string
	plain         form
	// zipped is the document compressed, as well as gzip can, once somebody asks for it.
	zipped func() form
}

// form is a document as it is sent. Each form has an entity tag of its own, a strong one: the bytes differ.
type form struct {
	content []byte
	coding  string // empty where the content is not compressed
	tag     string
}

func newDocument(content []byte, media, policy string) document {
	sum := sha256.Sum256(content)
	name := hex.EncodeToString(sum[:8])
	plain := form{content: content, tag: strconv.Quote(name)}
	return document{media, policy, plain, sync.OnceValue(func() form {
		zipped := form{content: gzipped(content), coding: codingGzip, tag: strconv.Quote(name + "-" + codingGzip)}
		if len(zipped.content) >= len(content) {
			return plain
		}
		return zipped
	})}
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("httpapi: compress a document: %v", err)) // unreachable: a buffer takes everything
	}
	return b.Bytes()
}

// serve answers with the document, or 304 where the browser has it already.
func (d document) serve(w http.ResponseWriter, r *http.Request) error {
	sent := d.plain
	if len(d.plain.content) >= compressedBytesMin && takesGzip(r) {
		sent = d.zipped()
	}
	header := w.Header()
	header.Set("Content-Security-Policy", d.policy)
	header.Set("Cache-Control", revalidate)
	header.Set("ETag", sent.tag)
	header.Add("Vary", "Accept-Encoding")
	if isAmong(sent.tag, r.Header["If-None-Match"]) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Type", d.media)
	header.Set("Content-Length", strconv.Itoa(len(sent.content)))
	if sent.coding != "" {
		header.Set("Content-Encoding", sent.coding)
	}
	_, _ = w.Write(sent.content) // a client that has left has no use for the error
	return nil
}

// isAmong tells whether a tag is among those of If-None-Match, which a proxy may have made weak (RFC 9110, section 13.1.2). No tag here
// holds a comma.
func isAmong(tag string, headers []string) bool {
	for _, header := range headers {
		for one := range strings.SplitSeq(header, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}
