// Records what Go's regexp says of made-up expressions: errors, matches, replacements, pieces.
//
//	go run . > ../../../crates/languages/sprig/tests/regexp.jsonl
//	go run . -fuzz N -seed S    N other ones
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"math/rand"
	"os"
	"regexp"
	"strings"
)

var pieces = []string{"a", "b", "ab", "x", "1", "é", ".", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{,2}", "{2,}", "{2,1}", "{0}", "{1001}", "{", "}",
	"(", ")", "(?:", "(?i)", "(?i:", "(?P<n>", "(?<m>", "(?s)", "(?m)", "(?U)", "(?-i)", "(?", "(?P", "(?=", "|", "^", "$", "\\b", "\\B", "\\A", "\\z", "\\Z", "\\d", "\\D",
	"\\w", "\\W", "\\s", "\\S", "\\.", "\\_", "\\q", "\\1", "\\0", "\\07", "\\123", "\\x41", "\\x{e9}", "\\x", "\\x{110000}", "\\pL", "\\p{Lu}", "\\P{Greek}", "\\p{^L}", "\\p{Foo}", "\\Q.+\\E",
	"\\Q*", "\\C", "\\a", "\\n", "[", "]", "[a-c]", "[^a-c]", "[]a]", "[^]a]", "[a-", "[z-a]", "[\\d-]", "[\\w.]", "[[:alpha:]]", "[[:^digit:]]", "[[:foo:]]", "[[a]", "[a&&b]", "[\\]]", "[-a]", "[a-\\x{e9}]", "[\\pL1]", "\\", " ", "-", "É"}

var subjects = []string{"", "a", "ab", "aab", "abab1", "xa b\nab", "AB é", "Éa1_.", "..+*", "aaaa", "{2}x", "a{,2}", "b-a]", "\x07\n"}

var replacements = []string{"<$0>", "$1", "${n}-$2", "$$", "$1x", "${", "$"}

type found struct {
	Subject string   `json:"s"`
	Match   bool     `json:"m"`
	All     [][]int  `json:"all"`
	Two     int      `json:"two"`
	New     []string `json:"new"`
	Literal string   `json:"lit"`
	Split   []string `json:"split"`
	Split2  []string `json:"split2"`
}

type row struct {
	Expression string  `json:"re"`
	Error      string  `json:"err,omitempty"`
	Found      []found `json:"found,omitempty"`
}

// expression is one thrown together.
func expression(r *rand.Rand, longest int) string {
	var b strings.Builder
	for n := 1 + r.Intn(longest); n > 0; n-- {
		p := pieces[r.Intn(len(pieces))]
		b.WriteString(p)
		if strings.HasPrefix(p, "(") && r.Intn(4) > 0 {
			b.WriteString(pieces[r.Intn(8)] + ")")
		}
	}
	return b.String()
}

// subject is a text to look in.
func subject(r *rand.Rand) string {
	text := subjects[r.Intn(len(subjects))]
	if r.Intn(3) == 0 {
		text += subjects[r.Intn(len(subjects))]
	}
	return text
}

func answer(enc *json.Encoder, r *rand.Rand, text string, pick func(*rand.Rand) string) {
	re, err := regexp.Compile(text)
	if err != nil {
		enc.Encode(row{Expression: text, Error: err.Error()})
		return
	}
	o := row{Expression: text}
	for n := 0; n < 3; n++ {
		s := pick(r)
		f := found{Subject: s, Match: re.MatchString(s), All: re.FindAllStringIndex(s, -1), Two: len(re.FindAllString(s, 2)),
			Literal: re.ReplaceAllLiteralString(s, "$1"), Split: re.Split(s, -1), Split2: re.Split(s, 2)}
		for _, p := range replacements {
			f.New = append(f.New, re.ReplaceAllString(s, p))
		}
		o.Found = append(o.Found, f)
	}
	enc.Encode(o)
}

func main() {
	fuzz := flag.Int("fuzz", 0, "make up this many expressions")
	seed := flag.Int64("seed", 5, "which ones")
	flag.Parse()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	r := rand.New(rand.NewSource(*seed))
	for n := 0; n < *fuzz; n++ {
		answer(enc, r, expression(r, 9), subject)
	}
	if *fuzz > 0 {
		return
	}
	seen := map[string]bool{}
	kept := map[bool]int{}
	for kept[true] < 900 || kept[false] < 500 {
		text := expression(r, 5)
		_, err := regexp.Compile(text)
		if seen[text] || kept[err == nil] > 1200 || (err != nil && kept[false] >= 500) {
			continue
		}
		seen[text] = true
		kept[err == nil]++
		answer(enc, r, text, func(r *rand.Rand) string { return subjects[r.Intn(len(subjects))] })
	}
}
