package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func keep(t *testing.T, s *store, key string) {
	t.Helper()
	made := &entry{Key: key, Payment: Payment{ID: "pay_" + key, Customer: Customer{ID: "ada"}}}
	if err := s.finish(made); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string) *store {
	t.Helper()
	s, err := openStore(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func TestATornLastLineIsDroppedAndWrittenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "payments.jsonl")
	s := open(t, path)
	keep(t, s, "one")
	keep(t, s, "two")
	s.close()
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, text[:len(text)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if s.count() != 1 {
		t.Fatalf("%d payments", s.count())
	}
	keep(t, s, "three")
	s.close()
	if s = open(t, path); s.count() != 2 || s.byID["pay_three"] == nil {
		t.Fatalf("%d payments", s.count())
	}
	if mode, _ := os.Stat(path); mode.Mode().Perm() != 0o600 {
		t.Errorf("%v", mode.Mode())
	}
}

func TestADamagedLineInTheMiddleStopsTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "payments.jsonl")
	if err := os.WriteFile(path, []byte("{}\nnonsense\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(path); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Fatalf("%v", err)
	}
}

func TestTheStoreIsBoundedAndItsJournalIsRewritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "payments.jsonl")
	var text strings.Builder
	for n := 0; n < journalLinesMax; n++ {
		fmt.Fprintf(&text, `{"key":"%d","payment":{"id":"pay_%d","customer":{"id":"ada"}}}`+"\n", n, n)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	if s.count() != paymentsMax || len(s.byKey) != paymentsMax || len(s.byID) != paymentsMax || s.byID["pay_0"] != nil {
		t.Fatalf("%d payments, %d keys", s.count(), len(s.byKey))
	}
	keep(t, s, "last")
	s.close()
	if s = open(t, path); s.count() != paymentsMax || s.byID["pay_last"] == nil || s.journal.lines != paymentsMax+1 {
		t.Fatalf("%d payments, %d lines", s.count(), s.journal.lines)
	}
}
