//! From a set and its inputs to Applications.

use crate::error::{Fault, GenerateError};
use crate::generators::{Cx, Place, check_supported, transform};
use crate::inputs::{Generated, Generation, GeneratorInputs, Step};
use crate::merge::fill;
use crate::normalize::normalize_spec;
use crate::params::Params;
use crate::render::Renderer;
use crate::{patch, template};
use argosy_gotmpl::Value as Param;
use argosy_object::{Object, Value};

/// Generates the Applications of a set.
///
/// The set is an ApplicationSet; the result carries its namespace. Where something is missing,
/// [`Step::Needs`] names all that can be named by now: give it and call again; two or three
/// rounds are enough for any set, since matrices nest once.
///
/// # Errors
/// The first error in the order of the generators; nothing at all is generated then.
///
/// Compat: upstream's `GenerateApplications`. A nested generator's template is ignored, as there.
pub fn generate(set: &Object, inputs: &GeneratorInputs) -> Result<Step, GenerateError> {
    let spec = set.pointer("/spec").unwrap_or(&Value::Null);
    let renderer = renderer(set, spec, inputs)?;
    let cx = Cx::new(inputs, &renderer);
    let mut apps = Vec::new();
    let generators = spec.get("generators").and_then(Value::as_array);
    let generators = generators.map_or(&[][..], Vec::as_slice);
    let field = |index: usize| format!("spec.generators[{index}]");
    for (index, entry) in generators.iter().enumerate() {
        check_supported(
            entry,
            Place {
                field: &field(index),
                depth: 0,
            },
        )?;
    }
    for (index, entry) in generators.iter().enumerate() {
        let results = match transform(
            &cx,
            entry,
            Place {
                field: &field(index),
                depth: 0,
            },
        ) {
            Ok(results) => results,
            Err(Fault::Needs) => continue,
            Err(Fault::Error(error)) => return Err(error),
        };
        for result in results {
            let mut merged = result
                .generator
                .get("template")
                .cloned()
                .unwrap_or(Value::Null);
            fill(&mut merged, spec.get("template").unwrap_or(&Value::Null));
            let template = template::unrendered(&merged);
            for params in &result.params {
                let app = application(set, spec, &renderer, &template, params)?;
                let params = Param::Map(params.clone()).to_json();
                apps.push(Generated {
                    app,
                    params,
                    generator: index,
                });
            }
        }
    }
    let needs = cx.needs.take();
    if !needs.is_empty() {
        return Ok(Step::Needs(needs.into_iter().collect()));
    }
    Ok(Step::Done(Generation {
        apps,
        reads: cx.reads.take(),
    }))
}

fn renderer(
    set: &Object,
    spec: &Value,
    inputs: &GeneratorInputs,
) -> Result<Renderer, GenerateError> {
    let go = spec
        .get("goTemplate")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let options = spec.get("goTemplateOptions").and_then(Value::as_array);
    let options: Vec<&str> = options
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let options = if go { &options[..] } else { &[] };
    let identity = [
        set.namespace().unwrap_or("").as_bytes(),
        set.name().as_bytes(),
        &inputs.seed,
    ];
    let seed = argosy_object::Digest::of_parts(identity).0;
    Renderer::new(go, options, inputs.now, seed).map_err(|reason| GenerateError::Invalid {
        field: "spec.goTemplateOptions".into(),
        reason,
    })
}

fn application(
    set: &Object,
    spec: &Value,
    renderer: &Renderer,
    template: &Value,
    params: &Params,
) -> Result<Object, GenerateError> {
    let preserve = spec.pointer("/syncPolicy/preserveResourcesOnDeletion");
    let preserve = preserve.and_then(Value::as_bool).unwrap_or(false);
    let mut app = template::render_application(renderer, template, params, preserve)
        .map_err(GenerateError::Render)?;
    if let Some(text) = spec.get("templatePatch").and_then(Value::as_str) {
        let text = renderer.replace(text, params, false).map_err(|fault| {
            let text = fault.text;
            GenerateError::Render(format!("error replacing values in templatePatch: {text}"))
        })?;
        app = patch::apply(&app, &text).map_err(GenerateError::Render)?;
    }
    if let Some(spec) = app.get_mut("spec") {
        normalize_spec(spec);
    }
    if let Some(object) = app.as_object_mut() {
        object.insert("apiVersion".into(), "argoproj.io/v1alpha1".into());
        object.insert("kind".into(), "Application".into());
        object.remove("status");
    }
    let mut app = Object::from_trusted(app);
    // Whatever the template says: a set makes Applications in its own namespace only.
    app.set_namespace(set.namespace());
    Ok(app)
}
