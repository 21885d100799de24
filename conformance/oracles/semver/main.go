// Records what Masterminds/semver says of many versions and ranges, one JSON object a line.
//
//	go run . > ../../../crates/base/semver/tests/golden.jsonl
//	go run . -fuzz N -seed S    about N made-up cases
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"math/rand"
	"os"
	"strings"

	"github.com/Masterminds/semver/v3"
)

type parsed struct {
	Kind     string   `json:"kind"`
	Text     string   `json:"text"`
	Coerced  string   `json:"coerced"`
	Strict   string   `json:"strict"`
	Original string   `json:"original"`
	Bumps    []string `json:"bumps,omitempty"`
}

type compared struct {
	Kind  string `json:"kind"`
	Left  string `json:"left"`
	Right string `json:"right"`
	Order int    `json:"order"`
}

type ranged struct {
	Kind    string              `json:"kind"`
	Text    string              `json:"text"`
	Error   string              `json:"error,omitempty"`
	Printed string              `json:"printed,omitempty"`
	Checks  map[string]bool     `json:"checks,omitempty"`
	WithPre map[string]bool     `json:"withPre,omitempty"`
	Reasons map[string][]string `json:"reasons,omitempty"`
}

var versions = []string{"1", "v1", "1.2", "v1.2", "1.2.3", "v1.2.3", "01.2.3", "1.02", "1.2.03", "0.0.0", "0.0.3",
	"0.2.3", "0.2.0", "0.1.0", "1.2.3-alpha", "1.2.3-alpha.1", "1.2.3-alpha.beta", "1.2.3-beta", "1.2.3-beta.2",
	"1.2.3-beta.11", "1.2.3-rc.1", "1.2.3-0", "1.2.3-01", "1.2.3-00a", "1.2.3+build", "1.2.3-a+b.c", "1.2.3-a.+b",
	"1.2.3-", "1.2.3+", "1.2.3-a..b", "1.2.3+a..b", "1.2.3.4", "", " 1.2.3", "1.2.3 ", "x", "1.x", "a.b.c", "V1.2.3",
	"1.2-beta", "1-beta", "1-beta.1+x", "2.0.0", "2.1.0", "2.1.4", "10.0.0", "11.1.0", "12.0.0-rc1", "0.0.4", "0.3.0",
	"18446744073709551615.0.0", "18446744073709551616.0.0", "1.99999999999999999999", "1.2.3-99999999999999999999",
	"1.2.3-9", "1.2.3-a-b", "1.2.3--", "-1.2.3", "1.-2.3", "1.2.3-α", "..", "1..2", "1.2.", ".1.2", "1.2.3\n",
	"v", "vv1", "1.2.3-x.7.z.92", "4.1.4", "1.35.0", "1.35.0-0", "1.35.0-gke.100", "3.14.0-0", "0.0.0-0", "1.2.4", "1.3.0"}

var ranges = []string{"", " ", "*", "x", "X", "1", "1.x", "1.2.x", "1.x.x", "1.*", "v1.2.3", "=1.2.3", "= 1.2.3", "!=1.2.3",
	"!=1.x", "!=1.2", "!=1.2.x", "!=*", "!=1.2-beta", ">1", ">1.2", ">1.2.3", ">=1.2", "=>1.2", ">= 1.2.3-0", "<2", "<2.x", "<1.2.3",
	"<=1", "<=1.2", "<=1.2.3", "=<1.2.3", "~1", "~1.2", "~1.2.3", "~>1.2.3", "~0", "~0.0.0", "~0.0", "~x", "^1", "^1.2",
	"^1.2.3", "^0", "^0.0", "^0.0.3", "^0.2", "^0.2.3", "^x", "^0.0.0", "^1.2.3-beta.2", "~1.2.3-beta.2", ">=1.2 <2",
	">=1.2, <2", ">=1.2,<2", ">=1.2 , <2", ">=1.2,,<2", ">=1.2<2", "1.2 - 2.3", "1.2-2.3", "1.2 -2.3", "v1 - v2.1", "1.2.3 - 2 || 0.2",
	"1 - 2 1 - 2", "1.2.3-beta - 2.0.0", "^1 || ^2", "^1||~0.2.3", "||", "1||", "1 | 2", "1|2", "xx", "1.xx", "1.2.3.4", ">", "> =1",
	">>1", "~~1", "==1", "=1.2.3-alpha", ">1.2.3-alpha", "<1.2.3-rc.1", ">=1.2.3-0 <2.0.0-0", ">=1.20-0", ">= 1.19-0", ">=1.19.0-0 <1.36.0-0",
	"1.2.3+build", "1.x+build", "1.2-beta", "1.x-beta", "foo", "1.2.3 foo", ">=0.0.0", ">=0.0.0-0", ">11", ">11.1", "<=11", "<=11.0",
	"18446744073709551616", "1.2.3-01", ">1.2.3 !=2.0.0", "\t>=1\n", "1.2.3,", ",1.2.3", "1.2.3-", "1,2", "* - *", "^*", ">=1.2.3, <2 || >=3 <4 || 0.0.x", "=v1", "^v1.2", "é", "1 é"}

var pieces = []string{"1", "0", "2", ".", ".", "-", "+", "x", "*", ">=", "<", "^", "~", "=", "!=", " ", " ", ",", "||", " - ", "a", "beta", "v", ".0", "1.2.3", "-0", "|"}

// random makes up a third of versions, of comparisons and of ranges each.
func random(enc *json.Encoder, r *rand.Rand, count int) {
	var good []*semver.Version
	for i := 0; i < count/3; i++ {
		good = append(good, version(enc, madeUp(r))...)
		if len(good) == 0 {
			continue
		}
		a, b := good[r.Intn(len(good))], good[r.Intn(len(good))]
		enc.Encode(compared{"compare", a.Original(), b.Original(), a.Compare(b)})
		var some []*semver.Version
		for n := 0; n < 6; n++ {
			some = append(some, good[r.Intn(len(good))])
		}
		constraint(enc, r, madeUp(r), some)
	}
}

// madeUp is the text of a version or a range thrown together.
func madeUp(r *rand.Rand) string {
	if r.Intn(4) == 0 {
		return versions[r.Intn(len(versions))]
	}
	var b strings.Builder
	for n := 1 + r.Intn(9); n > 0; n-- {
		if r.Intn(12) == 0 {
			b.WriteString(ranges[r.Intn(len(ranges))])
		} else {
			b.WriteString(pieces[r.Intn(len(pieces))])
		}
	}
	return b.String()
}

func main() {
	fuzz := flag.Int("fuzz", 0, "make up this many cases")
	seed := flag.Int64("seed", 7, "which ones")
	flag.Parse()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	r := rand.New(rand.NewSource(*seed))
	if *fuzz > 0 {
		random(enc, r, *fuzz)
		return
	}
	for i := 0; i < 700; i++ {
		var b strings.Builder
		for n := 1 + r.Intn(7); n > 0; n-- {
			b.WriteString(pieces[r.Intn(len(pieces))])
		}
		ranges = append(ranges, b.String())
		if i < 300 {
			versions = append(versions, b.String())
		}
	}
	var good []*semver.Version
	for _, text := range versions {
		good = append(good, version(enc, text)...)
	}
	for i := 0; i < 1200; i++ {
		a, b := good[r.Intn(len(good))], good[r.Intn(len(good))]
		enc.Encode(compared{"compare", a.Original(), b.Original(), a.Compare(b)})
	}
	for _, text := range ranges {
		constraint(enc, r, text, good)
	}
}

// version prints what is made of a text; the version where it is one.
func version(enc *json.Encoder, text string) (good []*semver.Version) {
	p := parsed{Kind: "version", Text: text}
	if v, err := semver.NewVersion(text); err != nil {
		p.Coerced = "error: " + err.Error()
	} else {
		p.Coerced, p.Original = v.String(), v.Original()
		a, b, c := v.IncPatch(), v.IncMinor(), v.IncMajor()
		p.Bumps = []string{a.Original(), b.Original(), c.Original()}
		good = append(good, v)
	}
	if v, err := semver.StrictNewVersion(text); err != nil {
		p.Strict = "error: " + err.Error()
	} else {
		p.Strict = v.String()
	}
	enc.Encode(p)
	return good
}

// constraint prints what is made of a range, and which of the versions are in it.
func constraint(enc *json.Encoder, r *rand.Rand, text string, good []*semver.Version) {
	o := ranged{Kind: "range", Text: text}
	c, err := semver.NewConstraint(text)
	if err != nil {
		o.Error = err.Error()
		enc.Encode(o)
		return
	}
	o.Printed = c.String()
	o.Checks, o.WithPre, o.Reasons = map[string]bool{}, map[string]bool{}, map[string][]string{}
	for n, v := range good {
		if n > 50 && r.Intn(6) > 0 {
			continue
		}
		o.Checks[v.Original()] = c.Check(v)
		pre := *c
		pre.IncludePrerelease = true
		o.WithPre[v.Original()] = pre.Check(v)
		if r.Intn(4) == 0 {
			_, why := c.Validate(v)
			texts := []string{}
			for _, e := range why {
				texts = append(texts, e.Error())
			}
			o.Reasons[v.Original()] = texts
		}
	}
	enc.Encode(o)
}
