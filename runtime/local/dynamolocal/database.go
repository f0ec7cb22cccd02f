package dynamolocal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// databaseFile is where DynamoDB Local keeps everything when it shares one database among regions and keys.
const databaseFile = "shared-local-instance.db"

// makeDatabase makes the folder and an empty SQLite database in write-ahead mode for DynamoDB Local to fill: each write then
// costs one sync of the disk, where the mode that it would choose costs four. A database that exists stays as it is.
func makeDatabase(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the tables: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, databaseFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	_, err = file.Write(emptyDatabase())
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return nil
}

// emptyDatabase is the first page of a database without tables (https://www.sqlite.org/fileformat2.html).
func emptyDatabase() []byte {
	const (
		pageBytes      = 4096
		writeAhead     = 2
		schemaFormat   = 4
		utf8           = 1
		leaf           = 13 // an empty leaf of the table of tables follows the header
		headerBytes    = 100
		libraryVersion = 3_007_000 // the first one with write-ahead mode
	)
	page := make([]byte, pageBytes)
	copy(page, "SQLite format 3\x00")
	binary.BigEndian.PutUint16(page[16:], pageBytes)
	page[18], page[19] = writeAhead, writeAhead
	page[21], page[22], page[23] = 64, 32, 32 // fixed fractions
	binary.BigEndian.PutUint32(page[24:], 1)  // changes
	binary.BigEndian.PutUint32(page[28:], 1)  // pages
	binary.BigEndian.PutUint32(page[44:], schemaFormat)
	binary.BigEndian.PutUint32(page[56:], utf8)
	binary.BigEndian.PutUint32(page[92:], 1) // the change that the number of pages is of
	binary.BigEndian.PutUint32(page[96:], libraryVersion)
	page[headerBytes] = leaf
	binary.BigEndian.PutUint16(page[headerBytes+5:], pageBytes) // where its content begins
	return page
}
