//! Pods: admission of their account, binding, eviction, what may change, how they go.
//!
//! Compat: `pkg/registry/core/pod`, `ValidatePodUpdate`, the ServiceAccount, Priority and
//! DefaultTolerationSeconds admission plugins.

use crate::hooks::fields::{at, default, int, list, list_mut, map, text};
use crate::hooks::{label_selector, pod_spec};
use crate::{Answer, ApiError, DeletePlan, Effect, FieldError, HookCx, KindHook, SubresourceCall};
use argosy_object::{Value, json, meta};
use std::sync::Arc;

/// `v1` Pod.
#[derive(Clone, Copy, Debug)]
pub struct Pod;

impl KindHook for Pod {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        if let Some(spec) = new.get_mut("spec") {
            pod_spec::fill(spec, true);
        }
    }

    fn prepare_create(&self, cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        admit_account(cx, new)?;
        admit_priority(cx, new)?;
        admit_limits(cx, new);
        admit_tolerations(new);
        let class = quality(new);
        let gated = !list(new, "/spec/schedulingGates").is_empty();
        new["status"] = json!({"phase": "Pending", "qosClass": class});
        if gated {
            new["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False",
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates"}]);
        }
        Ok(())
    }

    fn validate(&self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if cx.info.subresource == "status" {
            return Vec::new();
        }
        let spec = at(new, "/spec");
        let mut errors = pod_spec::validate(&spec, "spec");
        match old {
            Some(old) if cx.info.subresource == "ephemeralcontainers" => {
                validate_ephemeral(new, old, &mut errors);
            }
            Some(old) => validate_update(new, old, &mut errors),
            None if !list(&spec, "/ephemeralContainers").is_empty() => {
                let said = "cannot be set on create";
                errors.push(FieldError::forbidden("spec.ephemeralContainers", said));
            }
            None => {}
        }
        errors
    }

    fn prepare_delete(
        &self,
        _cx: &HookCx<'_>,
        object: &mut Value,
        grace: Option<i64>,
    ) -> Result<DeletePlan, ApiError> {
        let own = int(object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        let mut seconds = grace.unwrap_or(own);
        if seconds < 0 {
            seconds = 1;
        }
        let unbound = text(object, "/spec/nodeName").is_empty();
        let done = matches!(text(object, "/status/phase"), "Failed" | "Succeeded");
        if unbound || done {
            seconds = 0;
        }
        Ok(DeletePlan {
            grace_seconds: seconds,
            ..DeletePlan::default()
        })
    }

    fn subresource(
        &self,
        cx: &HookCx<'_>,
        call: &SubresourceCall<'_>,
    ) -> Option<Result<Answer, ApiError>> {
        match (call.name, call.verb) {
            ("binding", "create") => Some(bind(cx, call)),
            ("eviction", "create") => Some(evict(cx, call)),
            ("ephemeralcontainers", "get") => Some(Ok(Answer {
                code: 200,
                body: call.parent.clone(),
                effects: Vec::new(),
            })),
            ("log" | "exec" | "attach" | "portforward" | "proxy", _) => Some(Err(no_process(call))),
            _ => None,
        }
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ]
    }

    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        match field {
            "spec.hostNetwork" => {
                Some(crate::hooks::fields::is_true(object, "/spec/hostNetwork").to_string())
            }
            "status.podIPs" => Some(
                list(object, "/status/podIPs")
                    .iter()
                    .map(|ip| text(ip, "/ip"))
                    .collect::<Vec<_>>()
                    .join(","),
            ),
            _ => None,
        }
    }
}

fn no_process(call: &SubresourceCall<'_>) -> ApiError {
    let what = match call.name {
        "log" => "logs",
        other => other,
    };
    ApiError::bad_request(format!(
        "pod \"{}\" is simulated: it has no process, so there is nothing for {what} to show; \
         its state is in `kubectl describe pod {}`",
        meta(call.parent, "name"),
        meta(call.parent, "name"),
    ))
}

/// The `default` account where none is named; an account that is not there is refused.
fn admit_account(cx: &HookCx<'_>, pod: &mut Value) -> Result<(), ApiError> {
    let (namespace, name) = (
        meta(pod, "namespace").to_owned(),
        meta(pod, "name").to_owned(),
    );
    if pod
        .pointer("/metadata/annotations/kubernetes.io~1config.mirror")
        .is_some()
    {
        return Ok(());
    }
    let mut account = text(pod, "/spec/serviceAccountName").to_owned();
    if account.is_empty() {
        account = "default".into();
        let spec = map(pod, "spec");
        spec.insert("serviceAccountName".into(), "default".into());
        spec.insert("serviceAccount".into(), "default".into());
    }
    let Some(found) = cx.reader.get("", "serviceaccounts", &namespace, &account) else {
        let detail = format!(
            "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" \
             not found"
        );
        return Err(ApiError::forbidden("", "pods", &name, &detail));
    };
    if list(pod, "/spec/imagePullSecrets").is_empty() {
        let secrets = at(&found, "/imagePullSecrets");
        if secrets.as_array().is_some_and(|s| !s.is_empty()) {
            map(pod, "spec").insert("imagePullSecrets".into(), secrets);
        }
    }
    let switch = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_bool);
    let wanted = switch(pod, "/spec/automountServiceAccountToken")
        .or_else(|| switch(&found, "/automountServiceAccountToken"))
        .unwrap_or(true);
    if wanted {
        mount_token(pod);
    }
    Ok(())
}

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn mount_token(pod: &mut Value) {
    let volume = token_volume_name(pod);
    let mut used = false;
    for field in ["/spec/initContainers", "/spec/containers"] {
        for container in list_mut(pod, field) {
            if list(container, "/volumeMounts")
                .iter()
                .any(|m| text(m, "/mountPath") == TOKEN_PATH)
            {
                continue;
            }
            used = true;
            let mount = json!({"name": volume, "mountPath": TOKEN_PATH, "readOnly": true});
            default(container, "volumeMounts", json!([]));
            if let Some(Value::Array(mounts)) = container.get_mut("volumeMounts") {
                mounts.push(mount);
            }
        }
    }
    let there = list(pod, "/spec/volumes")
        .iter()
        .any(|v| text(v, "/name") == volume);
    if !used || there {
        return;
    }
    let source = json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt",
            "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace",
            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}});
    let spec = map(pod, "spec");
    let volumes = spec.entry("volumes").or_insert_with(|| json!([]));
    if let Value::Array(volumes) = volumes {
        volumes.push(source);
    }
}

/// `kube-api-access-` and five characters, from the pod's UID: equal for equal pods.
fn token_volume_name(pod: &Value) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash = meta(pod, "uid")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let mut name = String::from("kube-api-access-");
    for _ in 0..5 {
        name.push(char::from(LETTERS[(hash % LETTERS.len() as u64) as usize]));
        hash /= LETTERS.len() as u64;
    }
    name
}

fn admit_priority(cx: &HookCx<'_>, pod: &mut Value) -> Result<(), ApiError> {
    const SYSTEM: [(&str, i64); 2] = [
        ("system-cluster-critical", 2_000_000_000),
        ("system-node-critical", 2_000_001_000),
    ];
    const GROUP: &str = "scheduling.k8s.io";
    let class = text(pod, "/spec/priorityClassName").to_owned();
    let (value, policy) = if let Some((_, value)) = SYSTEM.iter().find(|(n, _)| *n == class) {
        (*value, "PreemptLowerPriority".to_owned())
    } else if class.is_empty() {
        (0, "PreemptLowerPriority".to_owned())
    } else {
        let Some(found) = cx.reader.get(GROUP, "priorityclasses", "", &class) else {
            let detail = format!("no PriorityClass with name {class} was found");
            return Err(ApiError::forbidden("", "pods", meta(pod, "name"), &detail));
        };
        let policy = text(&found, "/preemptionPolicy");
        let policy = if policy.is_empty() {
            "PreemptLowerPriority"
        } else {
            policy
        };
        (int(&found, "/value").unwrap_or(0), policy.to_owned())
    };
    let spec = map(pod, "spec");
    spec.insert("priority".into(), value.into());
    spec.entry("preemptionPolicy")
        .or_insert_with(|| policy.into());
    Ok(())
}

/// What LimitRanges give to containers that ask for nothing themselves.
///
/// Compat: the LimitRanger admission plugin's defaults; its minima and maxima are not enforced.
fn admit_limits(cx: &HookCx<'_>, pod: &mut Value) {
    let ranges = cx
        .reader
        .list("", "limitranges", Some(meta(pod, "namespace")));
    let mut given: std::collections::BTreeMap<(&str, String), Value> =
        std::collections::BTreeMap::new();
    for limit in ranges.iter().flat_map(|range| list(range, "/spec/limits")) {
        if text(limit, "/type") != "Container" {
            continue;
        }
        for (field, into) in [("defaultRequest", "requests"), ("default", "limits")] {
            let own = limit.get(field).and_then(Value::as_object);
            for (name, quantity) in own.into_iter().flatten() {
                given.insert((into, name.clone()), quantity.clone());
            }
        }
    }
    if given.is_empty() {
        return;
    }
    let mut notes = Vec::new();
    for (pointer, what) in [
        ("/spec/containers", "container"),
        ("/spec/initContainers", "init container"),
    ] {
        for container in list_mut(pod, pointer) {
            let called = text(container, "/name").to_owned();
            let mut resources = Value::Object(std::mem::take(map(container, "resources")));
            for (into, word) in [("requests", "request"), ("limits", "limit")] {
                let mut set = Vec::new();
                for ((_, name), quantity) in given.iter().filter(|((field, _), _)| *field == into) {
                    let own = map(&mut resources, into);
                    if !own.contains_key(name) {
                        own.insert(name.clone(), quantity.clone());
                        set.push(name.as_str());
                    }
                }
                if !set.is_empty() {
                    notes.push(format!("{} {word} for {what} {called}", set.join(", ")));
                }
            }
            container["resources"] = resources;
        }
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        let mut metadata = Value::Object(std::mem::take(map(pod, "metadata")));
        map(&mut metadata, "annotations").insert("kubernetes.io/limit-ranger".into(), note.into());
        pod["metadata"] = metadata;
    }
}

/// Five minutes of patience with a node that is not ready or not reachable.
fn admit_tolerations(pod: &mut Value) {
    let spec = map(pod, "spec");
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Value::Array(tolerations) = tolerations else {
        return;
    };
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        let covered = tolerations.iter().any(|t| {
            let own = text(t, "/key");
            let effect = text(t, "/effect");
            (own == key || (own.is_empty() && text(t, "/operator") == "Exists"))
                && matches!(effect, "NoExecute" | "")
        });
        if !covered {
            tolerations.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 300}),
            );
        }
    }
}

/// The quality-of-service class.
fn quality(pod: &Value) -> &'static str {
    let (mut any, mut guaranteed) = (false, true);
    for field in ["/spec/containers", "/spec/initContainers"] {
        for container in list(pod, field) {
            for resource in ["cpu", "memory"] {
                let of = |list: &str| {
                    container
                        .pointer(&format!("/resources/{list}/{resource}"))
                        .and_then(|q| crate::hooks::quantity::Quantity::read(q))
                };
                let (limit, request) = (of("limits"), of("requests"));
                any |= limit.is_some() || request.is_some();
                guaranteed &= limit.is_some() && (request.is_none() || request == limit);
            }
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

const MUTABLE: &str = "pod updates may not change fields other than \
    `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
    `spec.tolerations` (only additions to existing tolerations),\
    `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/// Containers for a look inside are added, and never changed or taken away; nothing else changes.
///
/// Compat: `ValidatePodEphemeralContainersUpdate`.
fn validate_ephemeral(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.ephemeralContainers";
    let (mut new_spec, mut old_spec) = (at(new, "/spec"), at(old, "/spec"));
    let (was, is) = (
        list(&old_spec, "/ephemeralContainers").to_vec(),
        list(&new_spec, "/ephemeralContainers").to_vec(),
    );
    for known in &was {
        let name = text(known, "/name");
        match is.iter().find(|container| text(container, "/name") == name) {
            None => errors.push(FieldError::forbidden(
                FIELD,
                &format!("existing ephemeral containers \"{name}\" may not be removed\n"),
            )),
            Some(now) if now != known => errors.push(FieldError::forbidden(
                FIELD,
                &format!("existing ephemeral containers \"{name}\" may not be changed\n"),
            )),
            Some(_) => {}
        }
    }
    let containers: Vec<&Value> = ["/containers", "/initContainers"]
        .iter()
        .flat_map(|field| list(&new_spec, field))
        .collect();
    for (index, added) in is.iter().enumerate() {
        let name = text(added, "/name");
        let is_taken = containers.iter().any(|other| text(other, "/name") == name)
            || is[..index].iter().any(|other| text(other, "/name") == name);
        if is_taken {
            let field = format!("{FIELD}[{index}].name");
            errors.push(FieldError::duplicate(&field, name));
        }
    }
    for spec in [&mut new_spec, &mut old_spec] {
        if let Value::Object(spec) = spec {
            spec.remove("ephemeralContainers");
        }
    }
    if new_spec != old_spec {
        errors.push(FieldError::forbidden("spec", MUTABLE));
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let (mut new_spec, mut old_spec) = (at(new, "/spec"), at(old, "/spec"));
    let (was, is) = (
        list(&old_spec, "/tolerations"),
        list(&new_spec, "/tolerations"),
    );
    let kept = was.iter().all(|toleration| {
        is.iter().any(|t| {
            let strip = |t: &Value| {
                let mut t = t.clone();
                if let Value::Object(t) = &mut t {
                    t.remove("tolerationSeconds");
                }
                t
            };
            strip(t) == strip(toleration)
        })
    });
    if !kept {
        let said = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden("spec.tolerations", said));
    }
    let deadline = |spec: &Value| int(spec, "/activeDeadlineSeconds");
    if let Some(was) = deadline(&old_spec) {
        let field = "spec.activeDeadlineSeconds";
        match deadline(&new_spec) {
            None => errors.push(FieldError::invalid(
                field,
                Value::Null,
                "must not update from a positive integer to nil value",
            )),
            Some(is) if is > was => errors.push(FieldError::invalid(
                field,
                is,
                "must be less than or equal to previous value",
            )),
            Some(_) => {}
        }
    }
    let gated = !list(&old_spec, "/schedulingGates").is_empty();
    for spec in [&mut new_spec, &mut old_spec] {
        for field in ["/containers", "/initContainers"] {
            for container in list_mut(spec, field) {
                if let Value::Object(container) = container {
                    container.remove("image");
                }
            }
        }
        if let Value::Object(spec) = spec {
            for field in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
                spec.remove(field);
            }
            if gated {
                spec.remove("nodeSelector");
                spec.remove("affinity");
            }
        }
    }
    if int(&old_spec, "/terminationGracePeriodSeconds").is_some_and(|s| s < 0)
        && int(&new_spec, "/terminationGracePeriodSeconds") == Some(1)
    {
        new_spec["terminationGracePeriodSeconds"] =
            old_spec["terminationGracePeriodSeconds"].clone();
    }
    if new_spec != old_spec {
        errors.push(FieldError::forbidden("spec", MUTABLE));
    }
}

/// Gives a pod its node.
fn bind(cx: &HookCx<'_>, call: &SubresourceCall<'_>) -> Result<Answer, ApiError> {
    let body = call.body.unwrap_or(&Value::Null);
    let name = meta(call.parent, "name").to_owned();
    let node = text(body, "/target/name").to_owned();
    let kind = text(body, "/target/kind");
    if !matches!(kind, "" | "Node") || node.is_empty() {
        let error = if node.is_empty() {
            FieldError::required("target.name", "")
        } else {
            FieldError::not_supported("target.kind", kind, &["Node", "<empty>"])
        };
        return Err(ApiError::invalid("", "Binding", &name, &[error]));
    }
    let uid = meta(body, "uid").to_owned();
    let pod_name = name.clone();
    let at = crate::hooks::config::seconds_of(cx.now);
    let mutate: crate::Mutate = Arc::new(move |pod| {
        if !uid.is_empty() && uid != meta(pod, "uid") {
            let said = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                meta(pod, "uid")
            );
            return Err(ApiError::conflict("", "pods/binding", &pod_name, &said));
        }
        if !meta(pod, "deletionTimestamp").is_empty() {
            let said = format!(
                "pod {} is being deleted, cannot be assigned to a host",
                meta(pod, "name")
            );
            return Err(ApiError::conflict("", "pods/binding", &pod_name, &said));
        }
        let there = text(pod, "/spec/nodeName");
        if !there.is_empty() {
            let said = format!(
                "pod {} is already assigned to node \"{there}\"",
                meta(pod, "name")
            );
            return Err(ApiError::conflict("", "pods/binding", &pod_name, &said));
        }
        map(pod, "spec").insert("nodeName".into(), node.clone().into());
        let status = map(pod, "status");
        let conditions = status.entry("conditions").or_insert_with(|| json!([]));
        if let Value::Array(conditions) = conditions {
            conditions.retain(|c| text(c, "/type") != "PodScheduled");
            conditions.push(json!({"type": "PodScheduled", "status": "True",
                "lastProbeTime": null, "lastTransitionTime": at}));
        }
        Ok(())
    });
    Ok(Answer {
        code: 201,
        body: success(),
        effects: vec![Effect::Update {
            group: String::new(),
            resource: "pods".into(),
            namespace: meta(call.parent, "namespace").into(),
            name,
            mutate,
        }],
    })
}

fn success() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
}

/// Deletes a pod where its disruption budget allows.
fn evict(cx: &HookCx<'_>, call: &SubresourceCall<'_>) -> Result<Answer, ApiError> {
    let pod = call.parent;
    let namespace = meta(pod, "namespace");
    let labels = at(pod, "/metadata/labels");
    let budgets: Vec<Value> = cx
        .reader
        .list("policy", "poddisruptionbudgets", Some(namespace))
        .into_iter()
        .filter(|budget| label_selector::matches(&at(budget, "/spec/selector"), &labels))
        .collect();
    let finished = matches!(
        text(pod, "/status/phase"),
        "Succeeded" | "Failed" | "Pending"
    );
    let mut effects = Vec::new();
    if budgets.len() > 1 && !finished {
        return Err(ApiError::internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ));
    }
    if let Some(budget) = budgets.first().filter(|_| !finished) {
        if int(budget, "/status/disruptionsAllowed").unwrap_or(0) < 1 {
            return Err(over_budget(budget));
        }
        effects.push(Effect::Update {
            group: "policy".into(),
            resource: "poddisruptionbudgets".into(),
            namespace: namespace.into(),
            name: meta(budget, "name").into(),
            mutate: Arc::new(|budget| {
                let left = int(budget, "/status/disruptionsAllowed").unwrap_or(0);
                if left < 1 {
                    return Err(over_budget(budget));
                }
                map(budget, "status").insert("disruptionsAllowed".into(), (left - 1).into());
                Ok(())
            }),
        });
    }
    let body = call.body.unwrap_or(&Value::Null);
    effects.push(Effect::Delete {
        group: String::new(),
        resource: "pods".into(),
        namespace: namespace.into(),
        name: meta(pod, "name").into(),
        grace_seconds: int(body, "/deleteOptions/gracePeriodSeconds"),
    });
    Ok(Answer {
        code: 201,
        body: success(),
        effects,
    })
}

fn over_budget(budget: &Value) -> ApiError {
    let mut error = ApiError::new(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
    );
    let said = format!(
        "The disruption budget {} needs {} healthy pods and has {} currently",
        meta(budget, "name"),
        int(budget, "/status/desiredHealthy").unwrap_or(0),
        int(budget, "/status/currentHealthy").unwrap_or(0),
    );
    error.details = Some(Box::new(crate::Details {
        causes: vec![crate::Cause {
            reason: "DisruptionBudget",
            message: said,
            field: String::new(),
        }],
        ..crate::Details::default()
    }));
    error
}
