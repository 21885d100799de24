// Records what sprig says of many templates over the same data, one JSON object a line. The
// first line holds the data.
//
//	TZ=UTC go run . > ../../../crates/languages/sprig/tests/golden.jsonl
//
// With -fuzz N -seed S it makes up N templates instead, calls within calls among them.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	_ "github.com/Masterminds/semver/v3"
	"math/rand"
	"os"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

const data = `{"s":"hello World","e":"","u":"Größe ☃ x","n":null,"f":2.5,"i":42,"big":12345678,"huge":1e21,"neg":-7,"t":true,"z":0,
"l":["b","a",3,null,true,"b",{"k":1}],"el":[],"em":{},"m":{"b":{"c":"d","x":[1,2]},"a":1,"s":"text","n":null},"m2":{"b":{"c":"E","y":2},"a":0,"q":[3]},
"html":"<a href=\"x\">&</a>\u2028","nested":[[1,2],[3]],"nums":[3,1,2.5,"4","x"],"zone":"1.50","oct":"0755","hex":"0x1F","lines":"one\ntwo\n\nthree"}`

// one of each kind of argument
var pool = map[string][]string{
	"a": {`.s`, `.e`, `.u`, `.n`, `.missing`, `.f`, `.i`, `.big`, `.huge`, `.neg`, `.t`, `.l`, `.el`, `.em`, `.m`, `.nested`, `.nums`, `0`, `1`, `-3`, `2.7`, `true`, `false`, `"12"`, `"1.0"`, `"0x10"`, `"abc"`, `""`, `(list)`, `(list 1 2 3)`, `(until 3)`, `(splitList "," "a,b,c")`, `(dict)`, `(dict "k" "v")`, `(int64 5)`, `(float64 1.5)`, `(split "," "x,y")`, `(chunk 2 (list 1 2 3))`, `(duration 90)`, `(semver "1.2.3-beta+x")`, `.html`},
	"s": {`.s`, `.e`, `.u`, `.html`, `.lines`, `"abc"`, `""`, `"  padded\t"`, `"a,b,,c"`, `"fooBarBaz"`, `"HTTPServer"`, `"snake_case_word"`, `"http2xx"`, `"Bld4Floor3rd"`, `"HTTP20xOK"`, `"GO PATH-x"`, `"The quick brown fox jumps over the lazy dog"`, `"12345"`, `"1.5"`, `"éàü x"`, `"$abc$"`, `"a b\tc"`, `"A"`, `"x-y_z 1A2b"`, `"straße ŉ ǆ"`, `"__a__b--"`, `.m`, `3`, `.n`},
	"i": {`0`, `1`, `2`, `3`, `5`, `-1`, `-3`, `7`, `10`, `20`, `(int .i)`, `(len .s)`, `4`, `6`, `.f`, `"1"`, `2.0`, `(int64 3)`},
	"b": {`true`, `false`, `(eq 1 1)`, `.t`, `.s`, `.n`},
	"m": {`.m`, `.m2`, `.em`, `(dict "a" 1)`, `(dict "b" (dict "z" 9) "a" "" "q" (list))`, `(dict)`, `.n`, `.missing`, `.l`, `(split "," "x,y")`, `(dict "x" nil)`},
	"k": {`"a"`, `"b"`, `"q"`, `"zz"`, `"s"`, `"_0"`, `"n"`},
	"r": {`"a"`, `"[a-z]+"`, `"(\\w+)\\s(\\w+)"`, `"l"`, `"^h"`, `"o$"`, `"x*"`, `"[aeiou]"`, `"(?i)HELLO"`, `"(?P<first>[a-z])(?P<second>[a-z])"`, `"["`, `"("`, `"a**"`, `"\\Q.\\E"`, `"\\d{2,3}"`, `"x{1001}"`, `"(?<n>l+)"`, `"[[:alpha:]]"`, `"\\pL"`, `"\\bw?"`, `"[^,]*"`, `""`, `"a|b|"`, `"(a)(?:b)?"`, `"\\pX"`, `"\\q"`, `"a{,2}"`, `"[b-a]"`, `"*"`, `"(?z)"`, `")"`, `"\\"`, `"[a-\\d]"`, `"\\x{41}"`, `"\\101"`, `"ö|☃"`, `".*?o"`, `"[[:foo:]]"`, `"(?U)a+"`, `"(?s).+"`, `"(?m)^t"`, `"a{2}{3}"`, `"(?P<>a)"`, `"(?P<x"`, `"\\z"`, `"\\8"`, `"a\x60"`},
	"p": {`"$1"`, `"${1}x"`, `"$1x"`, `"<$0>"`, `"$$"`, `"${first}-$second"`, `""`, `"X"`, `"$"`, `"${1"`, `"$n!"`, `"$2 $1"`},
	"l": {`.l`, `.el`, `.nums`, `.nested`, `(list 1 2 3 4 5)`, `(list)`, `(until 4)`, `(splitList "," "c,a,b,a")`, `.n`, `.missing`, `.s`, `.m`, `3`, `(list "a" "" nil 0 false)`, `(list 1 1.0 "1" 1)`, `(rest (list 1))`, `(list (dict "a" 1) (dict "a" 1))`, `(tuple "x" "y")`, `(regexFindAll "z" "a" -1)`},
	"v": {`"1.2.3"`, `"v1.2"`, `"1.35.0-gke.1"`, `"bad"`, `""`, `"2"`},
	"c": {`">=1.2"`, `"^1"`, `"~1.2 || >2"`, `">=1.20-0"`, `"bogus!"`, `"1.x"`},
	"d": {`(toDate "2006-01-02 15:04:05" "2024-02-29 23:59:58")`, `(toDate "2006-01-02T15:04:05.999Z07:00" "2021-11-03T04:05:06.123456789+05:30")`, `0`, `1700000000`, `(int64 86400)`, `(toDate "2006-01-02" "nonsense")`, `(toDate "Jan _2 2006" "Mar  7 2023" )`},
	"y": {`"2006-01-02"`, `"Mon Jan 2 15:04:05 MST 2006"`, `"Monday, 02-Jan-06 3:04PM -0700"`, `"2006-01-02T15:04:05.000Z07:00"`, `"20060102150405.999999"`, `"002 __2 _2 06 1 01 03 4 5 pm PM -07 Z0700 -07:00:00"`, `"January Jan Monday Mon"`, `""`, `"plain text"`, `"05,000 .99"`, `"Jans Monk"`},
	"z": {`"UTC"`, `"Europe/Berlin"`, `"America/New_York"`, `"Asia/Kolkata"`, `"Nowhere/Land"`, `""`, `"Local"`, `"America/Sao_Paulo"`},
	"w": {`"1h"`, `"-90m"`, `"1.5h2s"`, `"3d"`, `""`, `"1"`, `"100ms"`, `"1us2ns"`, `"+5s"`, `".5s"`, `"0"`, `"99999999h"`},
	"x": {`"https://user:p%40ss@example.com:8443/a%20b/c?x=1&y=2#frag%21"`, `"mailto:a@b.c"`, `"/rel/path?q"`, `"//host/x"`, `"http://[::1]:80/"`, `"http://[fe80::1%25en0]/"`, `"not a url"`, `"a:b:c"`, `"1a:b"`, `":x"`, `"http://h:port/"`, `"http://a b/"`, `"%zz"`, `"http://x/%41%zz"`, `"#f"`, `"?q=1"`, `""`, `"*"`, `"HTTP://X"`, `"http://u@h"`, `"foo/bar:baz"`, `"http://ho%20st/"`, `"http://host?"`, `"///p"`, `"git@github.com:a/b"`},
	"j": {`"{\"a\":[1,2.5,\"x\",null,true],\"b\":{}}"`, `"[]"`, `"nul"`, `"{"`, `"[1,]"`, `"{\"a\" 1}"`, `"1e400"`, `"\"\\u00e9\\ud83d\\ude00\\ud800\""`, `"\"bad\\q\""`, `"01"`, `"-"`, `"1.x"`, `"1ex"`, `"tru"`, `"{\"a\":1}x"`, `"[1 2]"`, `" 1 "`, `""`, `"{a:1}"`, `"\"a\nb\""`, `"1e21"`, `"0.0000001"`, `"12345678901234567890"`},
	"h": {`"YWJj"`, `"YWJ"`, `"YWI="`, `"YQ=="`, `"YQ="`, `"Y"`, `"!!!!"`, `"YWJj\nYWJj"`, `"YQ==x"`, `"MFRGG==="`, `"MFRGG"`, `"MFRGGZDF"`, `"ME======"`, `"M======="`, `"mfrgg==="`, `"MFR======"`, `""`, `"YQ=a"`, `"MFRGG=A="`},
	"q": {`"/a/b/c.txt"`, `"a//b/../c"`, `"/"`, `""`, `"."`, `"../x"`, `"/../x"`, `"a/b/"`, `".bashrc"`, `"x.tar.gz"`, `"a/.b/c"`},
}

// name and the kinds of its arguments; "*" repeats the last one up to three times
var calls = map[string]string{
	"hello": "", "abbrev": "is", "abbrevboth": "iis", "trunc": "is", "trim": "s", "upper": "s", "lower": "s", "title": "s", "untitle": "s",
	"substr": "iis", "repeat": "is", "trimall": "ss", "trimAll": "ss", "trimSuffix": "ss", "trimPrefix": "ss", "nospace": "s", "initials": "s",
	"swapcase": "s", "snakecase": "s", "camelcase": "s", "kebabcase": "s", "wrap": "is", "wrapWith": "iss", "contains": "ss", "hasPrefix": "ss",
	"hasSuffix": "ss", "quote": "a*", "squote": "a*", "cat": "a*", "indent": "is", "nindent": "is", "replace": "sss", "plural": "ssi",
	"sha1sum": "s", "sha256sum": "s", "sha512sum": "s", "adler32sum": "s", "toString": "a", "atoi": "s", "int64": "a", "int": "a", "float64": "a",
	"seq": "i*", "toDecimal": "a", "split": "ss", "splitList": "ss", "splitn": "sis", "toStrings": "a", "until": "i", "untilStep": "iii",
	"add1": "a", "add": "a*", "sub": "aa", "div": "aa", "mod": "aa", "mul": "a*", "add1f": "a", "addf": "a*", "subf": "a*", "divf": "a*", "mulf": "a*",
	"biggest": "a*", "max": "a*", "min": "a*", "maxf": "a*", "minf": "a*", "ceil": "a", "floor": "a", "round": "ai", "join": "sl", "sortAlpha": "l",
	"default": "aa", "empty": "a", "coalesce": "a*", "all": "a*", "any": "a*", "compact": "l", "mustCompact": "l", "fromJson": "j", "toJson": "a",
	"toPrettyJson": "a", "toRawJson": "a", "mustFromJson": "j", "mustToJson": "a", "mustToPrettyJson": "a", "mustToRawJson": "a", "ternary": "aab",
	"deepCopy": "a", "mustDeepCopy": "a", "typeOf": "a", "typeIs": "sa", "typeIsLike": "sa", "kindOf": "a", "kindIs": "sa", "deepEqual": "aa",
	"base": "q", "dir": "q", "clean": "q", "ext": "q", "isAbs": "q", "osBase": "q", "osClean": "q", "osDir": "q", "osExt": "q", "osIsAbs": "q",
	"b64enc": "s", "b64dec": "h", "b32enc": "s", "b32dec": "h", "tuple": "a*", "list": "a*", "dict": "a*", "get": "mk", "set": "mka", "unset": "mk",
	"hasKey": "mk", "pluck": "kmm", "keys": "m", "pick": "mkk", "omit": "mkk", "merge": "mmm", "mergeOverwrite": "mmm", "mustMerge": "mm",
	"mustMergeOverwrite": "mm", "values": "m", "append": "la", "push": "la", "mustAppend": "la", "mustPush": "la", "prepend": "la", "mustPrepend": "la",
	"first": "l", "mustFirst": "l", "rest": "l", "mustRest": "l", "last": "l", "mustLast": "l", "initial": "l", "mustInitial": "l", "reverse": "l",
	"mustReverse": "l", "uniq": "l", "mustUniq": "l", "without": "laa", "mustWithout": "la", "has": "al", "mustHas": "al", "slice": "lii",
	"mustSlice": "li", "concat": "ll", "dig": "kkam", "chunk": "il", "mustChunk": "il", "semver": "v", "semverCompare": "cv", "fail": "s",
	"regexMatch": "rs", "mustRegexMatch": "rs", "regexFindAll": "rsi", "mustRegexFindAll": "rsi", "regexFind": "rs", "mustRegexFind": "rs",
	"regexReplaceAll": "rsp", "mustRegexReplaceAll": "rsp", "regexReplaceAllLiteral": "rsp", "mustRegexReplaceAllLiteral": "rsp",
	"regexSplit": "rsi", "mustRegexSplit": "rsi", "regexQuoteMeta": "r", "urlParse": "x", "urlJoin": "m", "date": "yd", "date_in_zone": "ydz",
	"dateInZone": "ydz", "date_modify": "wd", "dateModify": "wd", "duration": "a", "durationRound": "w", "htmlDate": "d", "htmlDateInZone": "dz",
	"must_date_modify": "wd", "mustDateModify": "wd", "mustToDate": "ys", "toDate": "ys", "unixEpoch": "d",
}

var fixed = []string{
	`{{ $d := dict "a" 1 }}{{ $e := $d }}{{ $_ := set $d "b" 2 }}{{ $e }}`,
	`{{ $_ := set .m "new" "x" }}{{ .m.new }}{{ $_ := unset .m "new" }}{{ .m.new }}`,
	`{{ $_ := set .m.b "c" "changed" }}{{ .m }}`,
	`{{ $a := dict }}{{ $b := dict "x" (dict "y" 1) }}{{ $_ := merge $a $b }}{{ $_ := set $a.x "y" 2 }}{{ $b }}`,
	`{{ $c := deepCopy .m }}{{ $_ := set $c.b "c" 1 }}{{ .m.b.c }}`,
	`{{ range $k, $v := split "," "a,b" }}{{ $k }}={{ $v }};{{ end }}`,
	`{{ $s := split "," "a,b" }}{{ $s._0 }}{{ $s._5 }}`,
	`{{ (semver "v1.2.3-beta.1+build").Prerelease }} {{ (semver "1.2.3").Major }} {{ (semver "1.2.3").IncMinor }}`,
	`{{ $v := semver "1.2.3" }}{{ $v.Compare (semver "1.3.0") }}`,
	`{{ semver "1.2" | toJson }}`, `{{ (semver "1").Original }}`,
	`{{ urlJoin (dict "scheme" "https" "host" "h:1" "path" "/p q" "query" "a=b" "fragment" "x y" "userinfo" "u:p") }}`,
	`{{ urlJoin (dict "host" "h" "path" "rel") }}`, `{{ urlJoin (dict "path" "a:b/c") }}`, `{{ urlJoin (dict "scheme" "mailto" "opaque" "a@b") }}`,
	`{{ urlJoin (dict "scheme" 3) }}`, `{{ urlJoin (urlParse "https://u:p%40@h/x%20y?q#f") }}`,
	`{{ derivePassword 1 "long" "password" "user" "example.com" }}`, `{{ derivePassword 2 "pin" "p" "u" "s" }}`, `{{ derivePassword 1 "maximum" "ü" "ö" "s" }}`,
	`{{ derivePassword 1 "nope" "p" "u" "s" }}`, `{{ derivePassword 3 "basic" "" "" "" }}`,
	`{{ decryptAES "secretkey" "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=" }}`, `{{ decryptAES "k" "" }}`, `{{ decryptAES "k" "!" }}`,
	`{{ "a" | repeat 3 | upper | quote }}`, `{{ list 1 2 | join "-" }}`, `{{ .l | toJson }}`, `{{ .huge | toJson }} {{ .big }} {{ .big | int }}`,
	`{{ int 9223372036854775807 | add1 }}`, `{{ add 1 "2" 3.9 true }}`, `{{ round 123.555555 3 }} {{ round 123.5 0 }} {{ round -1.5 0 }} {{ round 2.5 0 0.6 }}`,
	`{{ mul 9223372036854775807 2 }} {{ div -7 2 }} {{ mod -7 2 }} {{ div 1 0 }}`, `{{ divf 1 3 }} {{ divf 10 4 2 }} {{ divf 1 0 }}`,
	`{{ addf 0.1 0.2 }} {{ subf 1 0.9 }} {{ mulf 1e200 1e200 }} {{ addf 1e308 1e-300 }}`, `{{ divf -2 3 }} {{ divf 1e-20 3 }} {{ divf 1 6 }}`,
	`{{ atoi "99999999999999999999" }} {{ atoi "-5" }} {{ atoi "+5" }} {{ atoi "0x5" }}`, `{{ int "1_000" }} {{ int "0b11" }} {{ int "010" }} {{ int "08" }} {{ int "-0x10" }} {{ int " 1" }}`,
	`{{ float64 "1e3" }} {{ float64 "0x1p4" }} {{ float64 "inf" }} {{ float64 "-Infinity" }} {{ float64 "nan" }} {{ float64 "1_0" }} {{ float64 "1e999" }} {{ float64 ".5" }} {{ float64 "5." }}`,
	`{{ int 1e30 }} {{ int64 -1e30 }} {{ int .huge }}`, `{{ toJson (float64 "nan") }}|{{ mustToJson (float64 "inf") }}`, `{{ toRawJson (float64 "nan") }}`,
	`{{ typeOf (first (chunk 2 (list 1 2))) }} {{ typeOf (slice (until 3) 1) }} {{ typeOf (keys .m) }} {{ typeOf .l }} {{ typeOf (until 1) }} {{ typeOf (urlParse "x") }}`,
	`{{ genPrivateKey "nope" }}`, `{{ htpasswd "a:b" "c" }}`, `{{ expandenv "a$$b$" }}`, `{{ seq 0 2 10 }} | {{ seq 5 }} | {{ seq 0 }} | {{ seq -3 }} | {{ seq 3 -1 0 }} | {{ seq 3 1 0 }} | {{ seq 1 2 3 4 }}`,
	`{{ dict "a" }} {{ dict 1 2 3 }} {{ dict .n "x" }}`, `{{ dig "b" "c" "def" .m }} {{ dig "b" "nope" "def" .m }} {{ dig "a" "c" "def" .m }}`, `{{ dig "n" "c" "def" .m }}`, `{{ dig 1 "d" .m }}`, `{{ dig "a" .m }}`,
	`{{ list "a" "b" | has "a" }}{{ has 4 .nums }}`, `{{ without (list 1 2 3) 2 }}`, `{{ concat (list 1) (list 2) | len }}`, `{{ concat }}`, `{{ (list) | first }}`, `{{ rest (list) | toJson }} {{ initial (list 1) | toJson }} {{ list | toJson }}`,
	`{{ merge (dict "a" (list)) (dict "a" (list 1)) }} {{ merge (dict "a" "s") (dict "a" (list 1)) }} {{ mergeOverwrite (dict "a" "s") (dict "a" (list 1)) }} {{ mergeOverwrite (dict "a" (list 2)) (dict "a" (list)) }} {{ mergeOverwrite (dict "a" 1) (dict "a" 0) }} {{ mergeOverwrite (dict "a" (dict "b" 1)) (dict "a" "x") }} {{ mergeOverwrite (dict "a" "x") (dict "a" (dict "b" 1)) }} {{ merge (dict "a" nil) (dict "a" 1) }} {{ mergeOverwrite (dict "a" 1) (dict "a" nil) }} {{ merge (dict "a" (dict)) (dict "a" (dict "b" 1)) }} {{ mergeOverwrite (dict "a" (dict "b" 1)) (dict "a" (dict)) }}`,
	`{{ fail "stop" }}`, `{{ required "x" "y" }}`, `{{ kindIs "slice" .l }} {{ kindOf nil }}`, `{{ typeIs "float64" .f }} {{ typeIsLike "semver.Version" (semver "1") }}`, `{{ toPrettyJson .m }}`, `{{ toPrettyJson (dict "a" (list) "b" (dict)) }}`,
	`{{ mustToDate "2006-01-02" "2024-02-30" }}`, `{{ mustToDate "2006-01-02" "2024-13-01" }}`, `{{ mustToDate "15:04" "25:00" }}`, `{{ mustToDate "Jan 2" "Foo 3" }}`, `{{ mustToDate "2006-01-02" "2024-02-1x" }}`, `{{ mustToDate "2006-01-02" "2024-02-10 " }}`, `{{ mustToDate "2006-002" "2024-060" }}`, `{{ mustToDate "2006-002" "2023-366" }}`, `{{ mustToDate "2006-01-02 15:04 MST" "2024-01-01 00:00 PST" | unixEpoch }}`, `{{ mustToDate "3:04PM" "12:30AM" }}`, `{{ mustToDate "15:04:05" "01:02:03.5" }}`, `{{ mustToDate "2006-01-02T15:04:05Z07:00" "2024-01-01T00:00:00-08:00" }}`, `{{ mustToDate "06/1/2 3:4:5 pm" "99/12/31 1:2:3 pm" }}`, `{{ mustToDate "2006-01-02 -0700" "2024-01-01 +9900" }}`,
	`{{ mustDateModify "x" (toDate "2006" "2024") }}`, `{{ mustDateModify "1h1" (toDate "2006" "2024") }}`, `{{ mustDateModify "1y" (toDate "2006" "2024") }}`, `{{ duration "95" }} {{ duration 3 }} {{ duration (int64 3700) }} {{ duration "x" }} {{ duration (int64 -5) }}`, `{{ durationRound "2h10m5s" }} {{ durationRound "-400h" }} {{ durationRound (int64 5000000000) }} {{ durationRound "26280h" }} {{ durationRound "1s" }}`,
	`{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }} {{ regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W" }} {{ regexReplaceAll "" "abc" "-" }} {{ regexReplaceAll "x*" "axxbx" "-" }} {{ regexReplaceAll "$" "abc" "!" }} {{ regexReplaceAll "[^a-z]" "a-B_c" "" }}`,
	`{{ regexSplit "z+" "pizza" -1 }} {{ regexSplit "z+" "pizza" 1 }} {{ regexSplit "" "abc" -1 | toJson }} {{ regexSplit "a" "" -1 | toJson }} {{ regexFindAll "[2,4,6,8]" "123456789" -1 }} {{ regexFindAll "a*" "baac" -1 | toJson }}`,
	`{{ wrap 5 "aaaaaaaaaa bb cc dd" }}`, `{{ wrapWith 3 "|" "abcdefgh ij" }}`, `{{ wrap 0 "a b" }}`, `{{ abbrev 5 "hello world" }} {{ abbrevboth 5 10 "1234 5678 9123" }} {{ abbrevboth 6 8 "abcdefghijklmno" }}`, `{{ substr 0 5 "hello world" }} {{ substr -1 3 "abc" }} {{ substr 2 -1 "abc" }} {{ substr 5 2 "abc" }}`,
	`{{ trunc -2 "abc" }} {{ trunc -9 "abc" }} {{ trunc 0 "abc" }}`, `{{ substr 9 10 "abc" }}`, `{{ substr -1 -1 "abc" }}`, `{{ repeat -1 "a" }}`, `{{ indent -1 "a" }}`, `{{ slice .l 1 99 }}`, `{{ chunk 0 (list 1) }}`, `{{ until 3 | toJson }}{{ untilStep 10 0 -3 }}{{ untilStep 0 10 0 }}`,
	`{{ first .s }}`, `{{ push .n 1 }}`, `{{ index (regexFindAll "a" "banana" 2) 1 }}`, `{{ tuple 1 2 | len }}`, `{{ genSelfSignedCert "cn" (splitList "," "a") (list) 1 }}`, `{{ genSelfSignedCert "cn" (list "x") (list) 1 }}`, `{{ genSelfSignedCert "cn" (list 1) (list) 1 }}`, `{{ genSelfSignedCert "cn" nil (list 1) 1 }}`, `{{ genCAWithKey "cn" 1 "x" }}`, `{{ buildCustomCert "!" "x" }}`, `{{ buildCustomCert "eA==" "eA==" }}`, `{{ genSignedCert "cn" nil nil 1 (genCA "ca" 1) | typeOf }}`, `{{ typeOf (genCA "ca" 1) }}`,
	`{{ unixEpoch (toDate "2006-01-02" "1970-01-02") }} {{ ago "x" | trunc 2 }}`, `{{ deepEqual (list 1) (list 1) }} {{ deepEqual (list 1) (list 1.0) }} {{ deepEqual .m .m }} {{ deepEqual (until 2) (list 0 1) }}`, `{{ uniq (list 1 1.0 "1" 1 nil nil (list 1) (list 1)) }}`, `{{ compact (list 0 "" 1 nil "a" (list) (dict)) }}`, `{{ ternary 1 2 "x" }}`, `{{ plural "one" "many" 1 }}`,
}

func main() {
	fuzz := flag.Int("fuzz", 0, "make up this many templates")
	seed := flag.Int64("seed", 11, "which ones")
	flag.Parse()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	r := rand.New(rand.NewSource(*seed))
	names := []string{}
	for name := range sprig.TxtFuncMap() {
		if _, ok := calls[name]; ok {
			names = append(names, name)
		}
	}
	sortStrings(names)
	if *fuzz > 0 {
		answer(enc, random(r, names, *fuzz))
		return
	}
	templates := recorded(r, names)
	templates = append(templates, fixed...)
	all := []string{}
	for name := range sprig.TxtFuncMap() {
		all = append(all, name)
	}
	sortStrings(all)
	enc.Encode(map[string]any{"data": json.RawMessage(data), "names": all})
	answer(enc, templates)
}

// call writes a call of a function; nested is the chance in a hundred of another one in the
// place of an argument.
func call(r *rand.Rand, names []string, name string, nested int) string {
	text, kinds, last := name, calls[name], byte('a')
	argument := func() {
		// What is no date would be now.
		if last != 'd' && nested > 0 && r.Intn(100) < nested {
			text += " (" + call(r, names, names[r.Intn(len(names))], nested/2) + ")"
			return
		}
		choice := pool[string(last)]
		text += " " + choice[r.Intn(len(choice))]
	}
	for i := 0; i < len(kinds); i++ {
		if kinds[i] != '*' {
			last = kinds[i]
			argument()
		} else {
			for k := r.Intn(3); k > 0; k-- {
				argument()
			}
		}
	}
	if name == "keys" || name == "values" {
		text = "sortAlpha (" + text + ")"
	}
	return text
}

// random makes up templates; the tail of a call is sometimes piped into it.
func random(r *rand.Rand, names []string, count int) []string {
	templates := make([]string, count)
	for i := range templates {
		text := call(r, names, names[r.Intn(len(names))], 30)
		for r.Intn(4) == 0 {
			name := names[r.Intn(len(names))]
			// The order of keys is random.
			if !strings.Contains(calls[name], "d") && name != "keys" && name != "values" {
				text += " | " + name
			}
		}
		if isCircular(text) {
			text = "hello"
		}
		templates[i] = "{{ " + text + [...]string{"", " | toJson", " | printf \"%#v\""}[r.Intn(3)] + " }}"
	}
	return templates
}

// isCircular tells whether a map may come into itself, which Go's printing does not survive.
func isCircular(text string) bool {
	for _, part := range strings.Split(text, "set ")[1:] {
		if target := strings.Fields(part)[0]; strings.Count(text, target) > 1 {
			return true
		}
	}
	return false
}

func recorded(r *rand.Rand, names []string) []string {
	var templates []string
	for _, name := range names {
		seen := map[string]bool{}
		for n := 0; n < 36; n++ {
			text := call(r, names, name, 0)
			if seen[text] {
				continue
			}
			seen[text] = true
			if r.Intn(3) == 0 {
				text += " | toJson"
			}
			templates = append(templates, "{{ "+text+" }}")
		}
	}
	return templates
}

func answer(enc *json.Encoder, templates []string) {
	for _, text := range templates {
		row := map[string]string{"t": text}
		var d any
		if err := json.Unmarshal([]byte(data), &d); err != nil {
			panic(err)
		}
		t, err := template.New("t").Funcs(sprig.TxtFuncMap()).Parse(text)
		if err == nil {
			var b bytes.Buffer
			if err = t.Execute(&b, d); err == nil {
				row["o"] = strings.ToValidUTF8(b.String(), "\uFFFD")
				if row["o"] != b.String() {
					continue
				}
			}
		}
		if err != nil {
			row["e"] = err.Error()
		}
		enc.Encode(row)
	}
}

func sortStrings(s []string) {
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
}
