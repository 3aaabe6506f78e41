package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	// Rewritten with what is still kept once it has this many lines.
	journalLinesMax = 4 * paymentsMax
	journalBuffer   = 64 << 10
)

// journal is an append-only file of JSON lines. A line is valid once its line feed is there: what a crash cut off is
// dropped at the next start.
type journal struct {
	path  string
	file  *os.File
	lines int
	// Where the last whole line ends; a write that fails halfway is cut back to here.
	end int64
}

// openJournal gives each entry of the file to each, and is then ready to append.
func openJournal(path string, each func(*entry)) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{path: path, file: file}
	if err := j.replay(each); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s, line %d: %w", path, j.lines+1, err)
	}
	return j, j.cutBack()
}

func (j *journal) replay(each func(*entry)) error {
	reader := bufio.NewReaderSize(j.file, journalBuffer)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var kept entry
		if err := json.Unmarshal(line, &kept); err != nil {
			return err
		}
		each(&kept)
		j.lines++
		j.end += int64(len(line))
	}
}

func (j *journal) append(made *entry) error {
	line, err := json.Marshal(made)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	_, err = j.file.Write(line)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		// If this fails too, the next start reads a torn line, which it drops.
		_ = j.cutBack()
		return err
	}
	j.lines++
	j.end += int64(len(line))
	return nil
}

// cutBack drops what stands behind the last whole line.
func (j *journal) cutBack() error {
	if err := j.file.Truncate(j.end); err != nil {
		return err
	}
	_, err := j.file.Seek(j.end, io.SeekStart)
	return err
}

// rewriteIfLong replaces a long file by one with only these entries, in one step that a crash cannot halve.
func (j *journal) rewriteIfLong(entries []*entry) error {
	if j.lines < journalLinesMax {
		return nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, kept := range entries {
		if err := encoder.Encode(kept); err != nil {
			return err
		}
	}
	fresh, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = fresh.Write(text.Bytes())
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = os.Rename(j.path+".new", j.path)
	}
	if err != nil {
		fresh.Close()
		return err
	}
	j.file.Close()
	j.file, j.lines, j.end = fresh, len(entries), int64(text.Len())
	return nil
}

func (j *journal) close() {
	_ = j.file.Close()
}
