//! What a running ApplicationSet controller was seen to do, one test an observation.

use crate::setup::{Case, names};
use argosy_object::{Value, json};

/// A set in Go mode with one list generator and this template of a name.
fn go_list(elements: &str, name: &str) -> Case {
    Case::new(&format!(
        "goTemplate: true\ngenerators:\n- list:\n    elements: {elements}\ntemplate:\n  metadata: {{name: \"{name}\"}}\n  spec: {{project: p, destination: {{server: s}}}}\n"
    ))
}

fn plain_list(elements: &str, name: &str) -> Case {
    Case::new(&format!(
        "generators:\n- list:\n    elements: {elements}\ntemplate:\n  metadata: {{name: \"{name}\"}}\n  spec: {{project: p, destination: {{server: s}}}}\n"
    ))
}

fn git_files(go: bool, files: &str, generator: &str, name: &str) -> Case {
    Case::new(&format!(
        "goTemplate: {go}\ngenerators:\n- git:\n    repoURL: r\n    revision: HEAD\n    files:\n    - path: '**'\n{generator}\ntemplate:\n  metadata: {{name: \"{name}\"}}\n  spec: {{project: p, destination: {{server: s}}}}\n"
    ))
    .tree("r", "HEAD", files)
}

#[test]
fn yaml_is_1_1_in_files_and_elements_yaml_and_json_in_elements() {
    let case = git_files(
        true,
        "--- a.yaml\n{n: one, y: two, oct: 010, hex: 0x10, date: 2024-01-02}\n",
        "",
        "{{ toJson . }}",
    );
    let params = case.params();
    assert_eq!(params[0]["false"], "one");
    assert_eq!(params[0]["true"], "two");
    assert_eq!(params[0]["oct"], 8);
    assert_eq!(params[0]["hex"], 16);
    assert_eq!(params[0]["date"], "2024-01-02");
    let case = Case::new(
        "goTemplate: true\ngenerators:\n- list:\n    elements: [{\"n\": \"n\"}]\n    elementsYaml: \"[{v: on}]\"\ntemplate: {metadata: {name: x}}\n",
    );
    assert_eq!(case.params(), vec![json!({"n": "n"}), json!({"v": true})]);
}

#[test]
fn numbers_are_floats_in_both_modes() {
    let case = go_list("[{\"big\": 12345678}]", "{{.big}}-{{toJson .big}}");
    assert_eq!(names(&case.apps()), ["1.2345678e+07-12345678"]);
    let case = git_files(
        false,
        "--- a.yaml\n{big: 12345678, none: null}\n",
        "",
        "{{big}}{{none}}",
    );
    assert_eq!(names(&case.apps()), ["1.2345678e+07<nil>"]);
    let case = go_list("[{\"odd\": 9007199254740993}]", "{{toJson .odd}}");
    assert_eq!(names(&case.apps()), ["9007199254740992"]);
}

#[test]
fn only_the_first_document_counts_and_empty_files_give_one_set() {
    let files = "--- a.yaml\na: 1\na: 2\n---\nb: 1\n--- b.yaml\n--- c.yaml\nnull\n--- d.json\n[{\"x\": 1}, {\"x\": 2}]\n";
    let params = git_files(true, files, "", "x").params();
    let values: Vec<_> = params
        .iter()
        .map(|p| (p["a"].clone(), p["x"].clone()))
        .collect();
    let null = Value::Null;
    assert_eq!(
        values,
        vec![
            (json!(2), null.clone()),
            (null.clone(), null.clone()),
            (null.clone(), null.clone()),
            (null.clone(), json!(1)),
            (null, json!(2)),
        ]
    );
}

#[test]
fn generator_values_replace_the_files_in_go_mode_and_merge_in_the_default_mode() {
    let files = "--- d/a.yaml\nvalues: {own: file, both: file}\npath: mine\n";
    let values = "    values: {both: 'set-{{.path.basename}}', new: w}";
    let params = git_files(true, files, values, "x").params();
    assert_eq!(params[0]["values"], json!({"both": "set-d", "new": "w"}));
    assert_eq!(params[0]["path"]["filename"], "a.yaml");
    let values = "    values: {both: 'set-{{path.basename}}'}";
    let params = git_files(false, files, values, "x").params();
    assert_eq!(params[0]["values.own"], "file");
    assert_eq!(params[0]["values.both"], "set-d");
    assert_eq!(params[0]["path"], "d");
    assert_eq!(params[0]["path[0]"], "d");
}

#[test]
fn empty_element_leaves_the_template_as_it_is_without_finalizer() {
    let apps = go_list("[{}]", "{{.x}}").apps();
    assert_eq!(names(&apps), ["{{.x}}"]);
    assert_eq!(apps[0].finalizers().count(), 0);
    let apps = go_list("[{\"x\": \"y\"}]", "{{.x}}").apps();
    assert_eq!(
        apps[0].finalizers().collect::<Vec<_>>(),
        ["resources-finalizer.argocd.argoproj.io"]
    );
}

#[test]
fn default_mode_takes_text_elements_only_but_any_elements_yaml() {
    assert!(
        plain_list("[{\"a\": 1}]", "x")
            .error()
            .contains("error parsing value as string")
    );
    let case = Case::new(
        "generators:\n- list:\n    elementsYaml: '[{a: 1, b: t}]'\ntemplate: {metadata: {name: '{{a}}{{ b }}'}}\n",
    );
    assert_eq!(names(&case.apps()), ["{{a}}t"]);
}

#[test]
fn missing_keys_follow_the_options() {
    assert_eq!(
        names(&go_list("[{\"a\": 1}]", "{{.nope}}{{.nope.inner}}").apps()),
        ["<no value><no value>"]
    );
    let with = |option: &str| {
        Case::new(&format!(
            "goTemplate: true\ngoTemplateOptions: ['{option}']\ngenerators:\n- list: {{elements: [{{\"a\": 1}}]}}\ntemplate: {{metadata: {{name: 'x{{{{.nope}}}}'}}}}\n"
        ))
    };
    assert_eq!(names(&with("missingkey=zero").apps()), ["x<no value>"]);
    let error = with("missingkey=error").error();
    assert_eq!(
        error,
        "failed to execute go template x{{.nope}}: template: base:1:3: executing \"base\" at <.nope>: map has no entry for key \"nope\""
    );
    assert!(
        with("missingkey=what")
            .error()
            .contains("unrecognized option: missingkey=what")
    );
}

#[test]
fn default_mode_keeps_unknown_tags_and_fails_on_a_half_open_one_beside_a_whole_one() {
    assert_eq!(
        names(&plain_list("[{\"a\": \"v\"}]", "{{ nope  }}-{{a}}").apps()),
        ["{{ nope  }}-v"]
    );
    assert_eq!(
        names(&plain_list("[{\"a\": \"v\"}]", "{{a").apps()),
        ["{{a"]
    );
    let error = plain_list("[{\"a\": \"v\"}]", "{{a}}{{b").error();
    assert!(
        error.starts_with("invalid template: Cannot find end tag=\"}}\""),
        "{error}"
    );
}

#[test]
fn empty_sub_objects_vanish_and_automated_stays() {
    let case = Case::new(
        "goTemplate: true\ngenerators:\n- list: {elements: [{\"a\": \"1\"}]}\ntemplate:\n  metadata: {name: x, namespace: elsewhere}\n  spec:\n    project: p\n    destination: {server: s}\n    syncPolicy: {}\n    source: {repoURL: r, path: '', kustomize: {}, directory: {}, helm: {valuesObject: {a: null, b: '{{.a}}'}}}\n",
    );
    let app = case.apps().remove(0);
    assert_eq!(
        app.pointer("/spec"),
        Some(&json!({"project": "p", "destination": {"server": "s"},
        "source": {"repoURL": "r", "helm": {"valuesObject": {"b": "1"}}}}))
    );
    assert_eq!(app.namespace(), Some("argocd"));
    let case = Case::new(
        "generators:\n- list: {elements: [{\"a\": \"1\"}]}\ntemplate:\n  metadata: {name: x}\n  spec: {project: p, syncPolicy: {automated: {}}}\n",
    );
    assert_eq!(
        case.apps()[0].pointer("/spec/syncPolicy"),
        Some(&json!({"automated": {}}))
    );
}

#[test]
fn matrix_refuses_conflicts_in_the_default_mode_and_lets_the_first_win_in_go_mode() {
    let set = |go: bool| {
        format!(
            "goTemplate: {go}\ngenerators:\n- matrix:\n    generators:\n    - list: {{elements: [{{\"k\": \"\", \"a\": \"1\"}}]}}\n    - list: {{elements: [{{\"k\": \"second\", \"b\": \"2\"}}]}}\ntemplate: {{metadata: {{name: x}}}}\n"
        )
    };
    assert_eq!(
        Case::new(&set(true)).params(),
        vec![json!({"k": "", "a": "1", "b": "2"})]
    );
    let error = Case::new(&set(false)).error();
    assert!(
        error.contains("found duplicate key k with different value, a:  ,b: second"),
        "{error}"
    );
}

#[test]
fn second_childs_values_may_use_the_firsts_parameters_but_not_both_in_one_string() {
    let case = Case::new("goTemplate: true\ngenerators:\n- matrix:\n    generators:\n    - list: {elements: [{\"team\": \"red\"}]}\n    - git:\n        repoURL: r\n        revision: HEAD\n        directories: [{path: 'apps/*'}]\n        values: {one: '{{.team}}', two: '{{.team}}-{{.path.basename}}'}\ntemplate: {metadata: {name: '{{.values.one}}.{{.values.two}}'}}\n")
        .tree("r", "HEAD", "--- apps/web/x\n");
    assert_eq!(names(&case.apps()), ["red.<no value>-web"]);
}

#[test]
fn elements_yaml_is_rendered_in_a_second_child_only() {
    let case = Case::new(
        "goTemplate: true\ngenerators:\n- matrix:\n    generators:\n    - list: {elements: [{\"items\": [{\"n\": \"a\"}, {\"n\": \"b\"}]}]}\n    - list: {elementsYaml: '{{ .items | toJson }}'}\ntemplate: {metadata: {name: '{{.n}}'}}\n",
    );
    assert_eq!(names(&case.apps()), ["a", "b"]);
}

#[test]
fn matrix_wants_two_children_and_nests_once() {
    let children = |n: usize| "    - list: {elements: [{\"a\": \"1\"}]}\n".repeat(n);
    let matrix = |n| format!("generators:\n- matrix:\n    generators:\n{}", children(n));
    assert_eq!(
        Case::new(&matrix(1)).error(),
        "found less than two generators, Matrix support only two"
    );
    assert_eq!(
        Case::new(&matrix(3)).error(),
        "found more than two generators, Matrix support only two"
    );
    let deep = "generators: [{matrix: {generators: [{matrix: {generators: [{matrix: {generators: []}}, {list: {}}]}}, {list: {}}]}}]";
    assert!(
        Case::new(deep)
            .error()
            .contains("child generator generated no parameters")
    );
}

#[test]
fn merge_overrides_with_empty_values_and_tells_1_from_text() {
    let case = Case::new(
        "goTemplate: true\ngenerators:\n- merge:\n    mergeKeys: [k]\n    generators:\n    - list: {elements: [{\"k\": 1, \"v\": \"base\", \"flag\": true}, {\"k\": \"1\", \"v\": \"text\"}]}\n    - list: {elementsYaml: '[{k: 1.0, v: \"\", flag: false}]'}\ntemplate: {metadata: {name: x}}\n",
    );
    assert_eq!(
        case.params(),
        vec![
            json!({"k": 1, "v": "", "flag": false}),
            json!({"k": "1", "v": "text"})
        ]
    );
}

#[test]
fn dotted_merge_keys_work_in_the_default_mode_only() {
    let set = |go: bool| {
        format!(
            "goTemplate: {go}\ngenerators:\n- merge:\n    mergeKeys: [values.k]\n    generators:\n    - list: {{elements: [{{\"values\": {{\"k\": \"a\"}}, \"v\": \"1\"}}, {{\"values\": {{\"k\": \"b\"}}, \"v\": \"2\"}}]}}\n    - list: {{elements: [{{\"values\": {{\"k\": \"b\"}}, \"v\": \"3\"}}]}}\ntemplate: {{metadata: {{name: x}}}}\n"
        )
    };
    let params = Case::new(&set(false)).params();
    assert_eq!(params[1], json!({"values.k": "b", "v": "3"}));
    let error = Case::new(&set(true)).error();
    assert!(
        error.ends_with("Duplicate key was {\"values.k\":null}"),
        "{error}"
    );
}

#[test]
fn templates_of_top_level_generators_win_and_nested_ones_are_ignored() {
    let case = Case::new(
        "goTemplate: true\ngenerators:\n- matrix:\n    template:\n      metadata: {labels: {a: own}}\n      spec: {source: {path: own}}\n    generators:\n    - list: {elements: [{\"n\": \"x\"}], template: {metadata: {name: nested}}}\n    - list: {elements: [{\"m\": \"y\"}]}\ntemplate:\n  metadata: {name: '{{.n}}{{.m}}', labels: {a: base, b: base}}\n  spec: {project: p, source: {path: base, repoURL: r}}\n",
    );
    let app = case.apps().remove(0);
    assert_eq!(app.name(), "xy");
    assert_eq!(
        app.pointer("/metadata/labels"),
        Some(&json!({"a": "own", "b": "base"}))
    );
    assert_eq!(
        app.pointer("/spec/source"),
        Some(&json!({"path": "own", "repoURL": "r"}))
    );
}

#[test]
fn post_selectors_compare_printed_text() {
    let case = |value: &str| {
        Case::new(&format!(
            "goTemplate: true\ngenerators:\n- list: {{elements: [{{\"n\": {{\"big\": 12345678}}}}, {{\"n\": {{\"big\": 1}}}}]}}\n  selector: {{matchLabels: {{n.big: '{value}'}}}}\ntemplate: {{metadata: {{name: x}}}}\n"
        ))
    };
    assert_eq!(case("1.2345678e+07").params().len(), 1);
    assert_eq!(case("12345678").params().len(), 0);
    let bad = Case::new(
        "generators:\n- list: {}\n  selector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}\n",
    );
    assert_eq!(
        bad.error(),
        "error parsing label selector: \"Gt\" is not a valid pod selector operator"
    );
}

#[test]
fn selectors_of_nested_generators_filter_cluster_labels() {
    let case = Case::new("goTemplate: true\ngenerators:\n- matrix:\n    generators:\n    - list: {elements: [{\"a\": \"1\"}]}\n    - clusters: {}\n      selector: {matchLabels: {metadata.labels.environment: production}}\ntemplate: {metadata: {name: '{{.name}}'}}\n")
        .cluster("prod", "https://p", "environment=production")
        .cluster("test", "https://t", "environment=test");
    assert_eq!(names(&case.apps()), ["prod"]);
}

#[test]
fn in_cluster_disappears_under_a_selector_and_when_it_has_a_secret() {
    let set = |selector: &str| {
        Case::new(&format!("goTemplate: true\ngenerators:\n- clusters: {{{selector}}}\ntemplate: {{metadata: {{name: '{{{{.name}}}}'}}}}\n"))
        .cluster("East_1", "https://e", "region=east")
    };
    assert_eq!(names(&set("").apps()), ["East_1", "in-cluster"]);
    assert_eq!(
        names(&set("selector: {matchLabels: {region: east}}").apps()),
        ["East_1"]
    );
    let own = set("").cluster("hub", "https://kubernetes.default.svc", "");
    assert_eq!(names(&own.apps()), ["East_1", "hub"]);
    let params = set("values: {id: 'v-{{.nameNormalized}}'}").params();
    assert_eq!(params[0]["values"]["id"], "v-east-1");
    assert_eq!(params[1].get("metadata"), None);
}

#[test]
fn flat_list_gives_one_application_even_without_clusters() {
    let case = Case::new(
        "goTemplate: true\ngenerators:\n- clusters: {flatList: true, selector: {matchLabels: {a: b}}}\ntemplate: {metadata: {name: 'x{{len .clusters}}'}}\n",
    );
    assert_eq!(case.params(), vec![json!({"clusters": null})]);
    assert_eq!(names(&case.apps()), ["x0"]);
}

#[test]
fn folders_are_matched_by_go_and_hidden_ones_are_not_listed() {
    let files = "--- apps/web/x\n--- apps/.hidden/x\n--- apps/db/deep/x\n--- .git/x\n--- other/x\n";
    let case = Case::new("goTemplate: true\ngenerators:\n- git:\n    repoURL: r\n    revision: HEAD\n    directories: [{path: 'apps/**'}, {path: '[', exclude: true}, {path: 'apps/db', exclude: true}]\ntemplate: {metadata: {name: '{{.path.path}}-{{index .path.segments 1}}'}}\n")
        .tree("r", "HEAD", files);
    assert_eq!(names(&case.apps()), ["apps/web-web"]);
}

#[test]
fn files_are_matched_by_git_and_excluding_wins() {
    let files = "--- deep/a/b.yaml\n{}\n--- deep/c.yaml\n{}\n--- .hidden/d.yaml\n{}\n--- deep/no.yaml\n{}\n";
    let case = |pattern: &str| {
        Case::new(&format!("goTemplate: true\ngenerators:\n- git:\n    repoURL: r\n    revision: HEAD\n    files: [{{path: '{pattern}'}}, {{path: '**/no.yaml', exclude: true}}]\n    pathParamPrefix: my\ntemplate: {{metadata: {{name: '{{{{.my.path.path}}}}/{{{{.my.path.filenameNormalized}}}}'}}}}\n")).tree("r", "HEAD", files)
    };
    assert_eq!(
        names(&case("deep/*.yaml").apps()),
        ["deep/a/b.yaml", "deep/c.yaml"]
    );
    assert_eq!(names(&case(".hidden").apps()), [".hidden/d.yaml"]);
}

#[test]
fn template_patch_changes_name_and_labels_but_not_project_or_namespace() {
    let case = Case::new(
        "goTemplate: true\ngenerators:\n- list: {elements: [{\"auto\": true, \"n\": \"new\"}]}\ntemplatePatch: |\n  metadata:\n    name: '{{ .n }}'\n    namespace: evil\n  spec:\n    project: evil\n    {{- if .auto }}\n    syncPolicy: {automated: {prune: true}}\n    {{- end }}\ntemplate:\n  metadata: {name: old}\n  spec: {project: p, destination: {server: s}}\n",
    );
    let app = case.apps().remove(0);
    assert_eq!((app.name(), app.namespace()), ("new", Some("argocd")));
    assert_eq!(
        app.pointer("/spec"),
        Some(&json!({"project": "p", "destination": {"server": "s"},
        "syncPolicy": {"automated": {"prune": true}}}))
    );
}

#[test]
fn unsupported_generators_are_errors_that_name_them() {
    for kind in [
        "scmProvider",
        "pullRequest",
        "plugin",
        "clusterDecisionResource",
        "oci",
    ] {
        let case = Case::new(&format!("generators:\n- list: {{}}\n- {kind}: {{}}\n"));
        let error = case.error();
        assert_eq!(
            error,
            format!("`spec.generators[1]`: the {kind} generator is not supported yet")
        );
    }
    let nested = Case::new("generators: [{matrix: {generators: [{list: {}}, {plugin: {}}]}}]");
    assert!(
        nested
            .error()
            .contains("matrix.generators[1]`: the plugin generator")
    );
}

#[test]
fn sprig_is_there_less_what_looks_outside() {
    for name in ["env", "expandenv", "getHostByName"] {
        let error = go_list("[{\"a\": \"1\"}]", &format!("{{{{ {name} `a` }}}}")).error();
        assert!(
            error.contains(&format!("function \\\"{name}\\\" not defined"))
                || error.contains(&format!("function \"{name}\" not defined")),
            "{error}"
        );
    }
    let case = go_list(
        "[{\"a\": \"My_App\"}]",
        "{{ normalize .a }} {{ slugify 4 false .a }} {{ (fromYaml `k: [1]`).k | toYaml }} {{ fromYamlArray `[a]` | join `-` }} {{ tpl `{{ .a | lower }}` . }}",
    );
    assert_eq!(names(&case.apps()), ["my-app my-a - 1 a my_app"]);
}

#[test]
fn randomness_does_not_drift() {
    let once = names(&go_list("[{\"a\": \"1\"}, {\"a\": \"2\"}]", "{{ randAlphaNum 8 }}").apps());
    let again = names(&go_list("[{\"a\": \"1\"}, {\"a\": \"2\"}]", "{{ randAlphaNum 8 }}").apps());
    assert_eq!(once, again);
    assert_ne!(once[0], once[1]);
}

#[test]
fn what_is_missing_is_asked_for_and_an_error_stops_everything() {
    let set = "goTemplate: true\ngenerators:\n- matrix:\n    generators:\n    - git: {repoURL: r, revision: main, files: [{path: x}]}\n    - clusters: {}\n- git: {repoURL: other, directories: [{path: '*'}]}\ntemplate: {metadata: {name: x}}\n";
    let needs = Case::new(set).without_clusters().needs();
    assert_eq!(needs, ["Clusters", "Tree other ", "Tree r main"]);
    let broken = git_files(true, "--- a.yaml\nx: [\n", "", "x").error();
    assert!(
        broken.contains("unable to process file 'a.yaml' from repository 'r'"),
        "{broken}"
    );
    let scalar = git_files(true, "--- a.yaml\njust text\n", "", "x").error();
    assert!(
        scalar.contains("cannot unmarshal string into Go value of type []map[string]interface {}"),
        "{scalar}"
    );
}

#[test]
fn reads_are_recorded_for_each_tree() {
    let done = git_files(true, "--- a.yaml\nx: 1\n--- b.txt\nno yaml: [\n", "", "x");
    let reads = done.done_err().unwrap_err();
    assert!(reads.contains("b.txt"), "the pattern takes it in: {reads}");
    let case = git_files(true, "--- a.yaml\nx: 1\n", "", "x");
    let generation = case.done_err().unwrap();
    assert_eq!(generation.reads.len(), 1);
    assert!(generation.reads.values().all(|reads| !reads.is_empty()));
}

#[test]
fn only_what_a_pattern_could_match_is_looked_at() {
    let files =
        "--- apps/web/config.yaml\n{}\n--- apps/web/deep/x\n--- other/big/x\n--- README.md\n";
    let looked = |generator: &str| {
        let spec = format!(
            "goTemplate: true\ngenerators: [{{git: {{repoURL: r, revision: HEAD, {generator}}}}}]\ntemplate: {{metadata: {{name: x}}}}\n"
        );
        let done = Case::new(&spec)
            .tree("r", "HEAD", files)
            .done_err()
            .unwrap();
        let reads: Vec<String> = done
            .reads
            .values()
            .flat_map(|reads| reads.iter().map(|(path, _)| path.to_string()))
            .collect();
        (done.apps.len(), reads.join(" "))
    };
    let (count, reads) = looked("files: [{path: 'apps/*/config.yaml'}]");
    assert_eq!(count, 1);
    assert!(!reads.contains("other"), "{reads}");
    let (count, reads) = looked("directories: [{path: 'apps/*'}]");
    assert_eq!(count, 1);
    assert!(
        !reads.contains("other") && !reads.contains("web"),
        "{reads}"
    );
    let (count, _) = looked("directories: [{path: apps/web}, {path: apps}]");
    assert_eq!(count, 2);
    let (count, reads) = looked("files: [{path: missing/file.yaml}]");
    assert_eq!((count, reads.contains("missing")), (0, true), "{reads}");
}
