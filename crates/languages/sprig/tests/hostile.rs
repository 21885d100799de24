//! Whatever a template asks for: an answer or an error, soon, and never a panic.
#![allow(clippy::unwrap_used, reason = "a test fails where it must")]

use argosy_gotmpl::{Delims, FixedEnv, Limits, Set, Value};
use std::time::{Duration, Instant};

/// Runs a template under limits as a server would set them.
fn run(template: &str) -> Result<String, String> {
    let delims = Delims {
        left: "{{",
        right: "}}",
    };
    let functions = argosy_sprig::functions();
    let set = Set::parse("t", template, functions, delims).map_err(|e| e.to_string())?;
    let limits = Limits {
        steps: 2_000_000,
        depth: 100,
        output: 4 << 20,
        memory: 64 << 20,
    };
    let mut out = Vec::new();
    set.execute(
        "t",
        &Value::Nil,
        &mut FixedEnv::default(),
        &limits,
        &mut out,
    )
    .map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// A circle of maps, and one that doubles at every level.
const CIRCLES: &str = r#"{{ $d := dict "k" 1 }}{{ $_ := set $d "self" $d }}{{ $e := dict "k" 1 }}{{ $_ := set $e "self" $e }}{{ $t := dict }}{{ $_ := set $t "a" $t }}{{ $_ := set $t "b" (list $t $t) }}"#;

#[test]
fn endless_requests_end_in_an_error() {
    for template in [
        r#"{{ repeat 1000000000000 "x" }}"#,
        r#"{{ repeat 9223372036854775807 "xx" }}"#,
        "{{ until 1000000000000 }}",
        "{{ untilStep 0 9223372036854775807 1 }}",
        "{{ seq 1 1000000000 }}",
        r#"{{ indent 1000000000 "x" }}"#,
        r#"{{ $s := repeat 10000 "\n" }}{{ indent 100000 $s }}"#,
        r#"{{ $s := repeat 100000 "a" }}{{ replace "" $s $s }}"#,
        r#"{{ $s := repeat 1000000 "a" }}{{ regexReplaceAll "a" $s $s }}"#,
        r#"{{ $s := repeat 1000000 "a " }}{{ wrapWith 1 $s $s }}"#,
        "{{ randAlphaNum 1000000000 }}",
        "{{ randBytes 1000000000 }}",
        r#"{{ range until 1000 }}{{ derivePassword 1 "long" "p" "u" "s" }}{{ end }}"#,
        r#"{{ range until 1000 }}{{ bcrypt "x" }}{{ end }}"#,
        r#"{{ range until 1000 }}{{ genCA "x" 1 }}{{ end }}"#,
        r#"{{ $x := list 1 }}{{ range until 1000 }}{{ $x = concat $x $x }}{{ end }}"#,
        r#"{{ $l := until 2000 }}{{ $m := list }}{{ range $l }}{{ $m = append $m (list .) }}{{ end }}{{ uniq $m | len }}"#,
        "{{ toJson $t }}",
        "{{ toString $t | len }}",
        "{{ quote $t $t | len }}",
        "{{ dict $t 1 | len }}",
        "{{ deepCopy $t }}",
        "{{ deepEqual $d $e }}",
        "{{ mergeOverwrite $d $e | len }}{{ mergeOverwrite $d (deepCopy $e) }}",
        "{{ fromJson (repeat 100000 `[`) | toJson }}{{ mustFromJson (repeat 100000 `[`) }}",
    ] {
        let start = Instant::now();
        let result = run(&format!("{CIRCLES}{template}"));
        assert!(
            result.is_err(),
            "{template} gave {} bytes",
            result.unwrap().len()
        );
        let spent = start.elapsed();
        assert!(spent < Duration::from_secs(40), "{template} took {spent:?}");
    }
}

#[test]
fn every_function_takes_anything_without_a_panic() {
    const ARGUMENTS: [&str; 30] = [
        "nil",
        "true",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "1e300",
        "-0.0",
        "`x`",
        "`é\u{fffd}\u{10ffff}`",
        "``",
        "`(`",
        "`%s%d`",
        "`-5m`",
        "`2006`",
        "$d",
        "$t",
        "$x",
        "(list)",
        "(list nil 1 `a` $d)",
        "(until 3)",
        "(splitList `,` `a,b`)",
        "(dict)",
        "(dict `a` nil)",
        "(now)",
        "(semver `1.2.3`)",
        "(chunk 1 (list 1))",
        "(rest (list))",
        "(float64 `nan`)",
        "(urlParse `a`)",
    ];
    let slow = ["genPrivateKey", "derivePassword", "bcrypt", "htpasswd"];
    let mut names: Vec<&str> = argosy_sprig::functions().names().collect();
    names.retain(|name| !slow.contains(name) && !name.starts_with("gen"));
    names.sort_unstable();
    let mut state = 1_u64;
    let mut pick = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ARGUMENTS[(state >> 33) as usize % ARGUMENTS.len()]
    };
    let mut answers = 0;
    for name in names {
        for turn in 0..60 {
            let arguments: Vec<&str> = (0..turn % 6).map(|_| pick()).collect();
            let call = format!(
                "{{{{ $x := `a` }}}}{CIRCLES}{{{{ {name} {} }}}}",
                arguments.join(" ")
            );
            answers += usize::from(run(&call).is_ok());
        }
    }
    assert!(answers > 1000, "nearly nothing was called: {answers}");
}
