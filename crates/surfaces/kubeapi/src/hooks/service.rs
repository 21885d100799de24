//! Services: addresses and ports, given out and kept.
//!
//! Compat: `pkg/registry/core/service`, `pkg/apis/core/v1/defaults.go` and `ValidateService`.

use crate::hooks::allocations::Allocations;
use crate::hooks::fields::{at, default, default_text, int, is_true, list, list_mut, map, text};
use crate::hooks::{label_selector, names, network_policy, pod_spec};
use crate::{ApiError, Effect, FieldError, HookCx, KindHook};
use argosy_object::{Value, json, meta};
use std::collections::HashSet;

/// `v1` Service; remembers which addresses and ports are taken in each cluster.
#[derive(Debug, Default)]
pub struct Service {
    allocations: Allocations,
}

impl KindHook for Service {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        let mut spec = Value::Object(std::mem::take(map(new, "spec")));
        default_text(&mut spec, "sessionAffinity", "None");
        match text(&spec, "/sessionAffinity") {
            "ClientIP" => {
                let mut config =
                    Value::Object(std::mem::take(map(&mut spec, "sessionAffinityConfig")));
                map(&mut config, "clientIP")
                    .entry("timeoutSeconds")
                    .or_insert(10_800.into());
                spec["sessionAffinityConfig"] = config;
            }
            _ => drop_field(&mut spec, "sessionAffinityConfig"),
        }
        default_text(&mut spec, "type", "ClusterIP");
        for port in list_mut(&mut spec, "/ports") {
            default_text(port, "protocol", "TCP");
            let unset = port
                .get("targetPort")
                .is_none_or(|t| t.is_null() || *t == 0 || *t == "");
            if unset && let Some(number) = port.get("port").cloned() {
                port["targetPort"] = number;
            }
        }
        let kind = text(&spec, "/type").to_owned();
        let outside = matches!(kind.as_str(), "NodePort" | "LoadBalancer")
            || (kind == "ClusterIP" && !list(&spec, "/externalIPs").is_empty());
        if outside {
            default_text(&mut spec, "externalTrafficPolicy", "Cluster");
        }
        if kind != "ExternalName" {
            default_text(&mut spec, "internalTrafficPolicy", "Cluster");
        }
        if kind == "LoadBalancer" {
            default(&mut spec, "allocateLoadBalancerNodePorts", true);
        }
        new["spec"] = spec;
    }

    fn prepare_create(&self, cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        self.allocate(cx, new, None)
    }

    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: &Value,
    ) -> Result<(), ApiError> {
        if cx.info.subresource == "status" {
            return Ok(());
        }
        keep_allocations(new, old);
        drop_by_type(new, old);
        self.allocate(cx, new, Some(old))
    }

    fn validate(&self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let kind = text(new, "/spec/type");
        let known = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        if !known.contains(&kind) {
            errors.push(FieldError::not_supported("spec.type", kind, &known));
        }
        let headless = text(new, "/spec/clusterIP") == "None";
        if list(new, "/spec/ports").is_empty() && !headless && kind != "ExternalName" {
            errors.push(FieldError::required("spec.ports", ""));
        }
        if kind == "ExternalName" {
            let host = text(new, "/spec/externalName").trim_end_matches('.');
            if host.is_empty() {
                errors.push(FieldError::required("spec.externalName", ""));
            } else {
                names::check(
                    &mut errors,
                    "spec.externalName",
                    host,
                    names::subdomain(host),
                );
            }
        }
        if matches!(kind, "NodePort" | "LoadBalancer") && headless {
            let said = format!("may not be set to 'None' for {kind} services");
            errors.push(FieldError::invalid("spec.clusterIPs[0]", "None", &said));
        }
        let selector = at(new, "/spec/selector");
        label_selector::validate_map(&selector, "spec.selector", &mut errors);
        validate_ports(new, headless, &mut errors);
        let affinity = text(new, "/spec/sessionAffinity");
        if !matches!(affinity, "None" | "ClientIP") {
            let known = ["ClientIP", "None"];
            errors.push(FieldError::not_supported(
                "spec.sessionAffinity",
                affinity,
                &known,
            ));
        }
        if let Some(old) = old.filter(|_| cx.info.subresource.is_empty()) {
            validate_update(new, old, &mut errors);
        }
        errors
    }

    fn after_write(
        &self,
        cx: &HookCx<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<Effect> {
        if let Some(old) = old {
            let kept = new.map(taken).unwrap_or_default();
            let freed = taken(old).into_iter().filter(|t| !kept.contains(t));
            self.allocations.release(&cx.facts.instance(), freed);
        }
        Vec::new()
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["spec.clusterIP", "spec.type"]
    }
}

/// What a Service holds: its addresses and node ports.
pub fn taken(service: &Value) -> Vec<String> {
    let ips = list(service, "/spec/clusterIPs")
        .iter()
        .filter_map(Value::as_str);
    let single = text(service, "/spec/clusterIP");
    let ports = list(service, "/spec/ports")
        .iter()
        .filter_map(|p| int(p, "/nodePort").map(|n| (n, text(p, "/protocol"))))
        .filter(|(n, _)| *n > 0)
        .map(|(n, protocol)| port_key(protocol, n));
    let health = int(service, "/spec/healthCheckNodePort")
        .filter(|n| *n > 0)
        .map(|n| port_key("TCP", n));
    let mut all: Vec<String> = ips
        .chain(std::iter::once(single))
        .filter(|ip| !ip.is_empty() && *ip != "None")
        .map(str::to_owned)
        .collect();
    all.dedup();
    all.extend(ports);
    all.extend(health);
    all
}

fn port_key(protocol: &str, number: i64) -> String {
    format!("{protocol}/{number}")
}

impl Service {
    fn allocate(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), ApiError> {
        let mut spec = Value::Object(std::mem::take(map(new, "spec")));
        let done = self.allocate_spec(cx, new, &mut spec, old);
        new["spec"] = spec;
        done
    }

    fn allocate_spec(
        &self,
        cx: &HookCx<'_>,
        service: &Value,
        spec: &mut Value,
        old: Option<&Value>,
    ) -> Result<(), ApiError> {
        let kind = text(spec, "/type").to_owned();
        if kind == "ExternalName" {
            for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                drop_field(spec, field);
            }
            return Ok(());
        }
        let name = meta(service, "name");
        let owned = old.map(taken).unwrap_or_default();
        let seat = self.allocations.of(cx, owned);
        let fail = |field: &str, value: Value, said: &str| {
            let error = FieldError::invalid(field, value, said);
            Err(ApiError::invalid("", "Service", name, &[error]))
        };
        let first = list(spec, "/clusterIPs")
            .first()
            .and_then(Value::as_str)
            .unwrap_or("");
        let mut ip = text(spec, "/clusterIP").to_owned();
        if ip.is_empty() {
            ip = first.to_owned();
        }
        if ip.is_empty() {
            ip = match seat.address(&cx.facts.service_cidr, meta(service, "uid")) {
                Some(ip) => ip,
                None => {
                    return Err(ApiError::internal(
                        "failed to allocate a serviceIP: range is full",
                    ));
                }
            };
        } else if ip != "None" {
            if ip.parse::<std::net::IpAddr>().is_err() {
                let said = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
                return fail("spec.clusterIPs[0]", ip.into(), said);
            }
            if !network_policy::in_range(&cx.facts.service_cidr, &ip) {
                let said = format!(
                    "failed to allocate IP {ip}: the provided network does not match the current \
                     range"
                );
                return fail("spec.clusterIPs", json!([ip]), &said);
            }
            if !seat.claim(&ip) {
                let said = format!("failed to allocate IP {ip}: provided IP is already allocated");
                return fail("spec.clusterIPs", json!([ip]), &said);
            }
        }
        spec["clusterIP"] = ip.clone().into();
        let ips = list(spec, "/clusterIPs");
        if ips.is_empty() || ips[0] != ip.as_str() {
            spec["clusterIPs"] = json!([ip]);
        }
        let family = if ip.contains(':') { "IPv6" } else { "IPv4" };
        let headless_without_selector = ip == "None" && at(spec, "/selector").is_null();
        default_text(
            spec,
            "ipFamilyPolicy",
            if headless_without_selector {
                "RequireDualStack"
            } else {
                "SingleStack"
            },
        );
        if list(spec, "/ipFamilies").is_empty() {
            spec["ipFamilies"] = if headless_without_selector {
                json!(["IPv4", "IPv6"])
            } else {
                json!([family])
            };
        }
        let wants_ports = kind == "NodePort"
            || (kind == "LoadBalancer" && is_true(spec, "/allocateLoadBalancerNodePorts"));
        let mut given: Vec<(i64, i64)> = Vec::new();
        for (index, port) in list_mut(spec, "/ports").iter_mut().enumerate() {
            let protocol = text(port, "/protocol").to_owned();
            let number = int(port, "/port").unwrap_or(0);
            match int(port, "/nodePort").filter(|n| *n != 0) {
                Some(wanted) => {
                    // TCP and UDP of one port may share a node port.
                    let shared = given.contains(&(number, wanted));
                    if !(30_000..=32_767).contains(&wanted) {
                        let said = "provided port is not in the valid range. The range of valid ports is 30000-32767";
                        return fail(
                            &format!("spec.ports[{index}].nodePort"),
                            wanted.into(),
                            said,
                        );
                    }
                    if !seat.claim(&port_key(&protocol, wanted)) && !shared {
                        let said = "provided port is already allocated";
                        return fail(
                            &format!("spec.ports[{index}].nodePort"),
                            wanted.into(),
                            said,
                        );
                    }
                    given.push((number, wanted));
                }
                None if wants_ports => {
                    let twin = given
                        .iter()
                        .find(|(n, _)| *n == number)
                        .map(|(_, node)| *node);
                    let found = twin.filter(|node| seat.claim(&port_key(&protocol, *node)));
                    let Some(node) = found.or_else(|| seat.port(&protocol, meta(service, "uid")))
                    else {
                        return Err(ApiError::internal(
                            "failed to allocate a nodePort: range is full",
                        ));
                    };
                    port["nodePort"] = node.into();
                    given.push((number, node));
                }
                None => drop_field(port, "nodePort"),
            }
        }
        seat.keep(!cx.dry_run);
        Ok(())
    }
}

/// Without a new value, an update keeps the address and the node ports it had.
fn keep_allocations(new: &mut Value, old: &Value) {
    let (new_type, old_type) = (text(new, "/spec/type").to_owned(), text(old, "/spec/type"));
    if new_type == "ExternalName" || old_type == "ExternalName" {
        return;
    }
    let old_ip = text(old, "/spec/clusterIP");
    let spec = map(new, "spec");
    let unset = |v: Option<&Value>| v.is_none_or(|v| v.is_null() || v == "");
    if unset(spec.get("clusterIP"))
        && spec
            .get("clusterIPs")
            .is_none_or(|v| v.as_array().is_none_or(Vec::is_empty))
    {
        spec.insert("clusterIP".into(), old_ip.into());
        spec.insert("clusterIPs".into(), at(old, "/spec/clusterIPs"));
    }
    for field in ["ipFamilies", "ipFamilyPolicy"] {
        if unset(spec.get(field)) {
            spec.insert(field.into(), at(old, &format!("/spec/{field}")));
        }
    }
    let needs = |t: &str| matches!(t, "NodePort" | "LoadBalancer");
    if needs(&new_type) && needs(old_type) {
        let old_ports = list(old, "/spec/ports");
        for port in list_mut(new, "/spec/ports") {
            let same = old_ports.iter().find(|o| {
                text(o, "/protocol") == text(port, "/protocol")
                    && int(o, "/port") == int(port, "/port")
            });
            if int(port, "/nodePort").unwrap_or(0) == 0
                && let Some(node) = same.and_then(|o| int(o, "/nodePort"))
            {
                port["nodePort"] = node.into();
            }
        }
    }
}

/// Fields that the new type has no use for go, where the update did not touch them.
fn drop_by_type(new: &mut Value, old: &Value) {
    let (new_type, old_type) = (
        text(new, "/spec/type").to_owned(),
        text(old, "/spec/type").to_owned(),
    );
    if new_type == old_type {
        return;
    }
    let same = |new: &Value, field: &str| {
        at(new, &format!("/spec/{field}")) == at(old, &format!("/spec/{field}"))
    };
    let mut gone: Vec<&str> = Vec::new();
    if new_type == "ExternalName" {
        gone.extend([
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "internalTrafficPolicy",
        ]);
    }
    if old_type == "LoadBalancer" {
        gone.extend([
            "allocateLoadBalancerNodePorts",
            "loadBalancerClass",
            "loadBalancerIP",
        ]);
    }
    if matches!(new_type.as_str(), "ClusterIP" | "ExternalName") {
        gone.extend(["externalTrafficPolicy", "healthCheckNodePort"]);
        let unchanged = at(new, "/spec/ports") == at(old, "/spec/ports");
        for port in list_mut(new, "/spec/ports") {
            if unchanged {
                drop_field(port, "nodePort");
            }
        }
    }
    let gone: Vec<&str> = gone.into_iter().filter(|field| same(new, field)).collect();
    let spec = map(new, "spec");
    for field in gone {
        spec.remove(field);
    }
}

fn validate_ports(new: &Value, headless: bool, errors: &mut Vec<FieldError>) {
    let ports = list(new, "/spec/ports");
    let (mut seen_names, mut seen_ports) = (HashSet::new(), HashSet::new());
    for (index, port) in ports.iter().enumerate() {
        let field = format!("spec.ports[{index}]");
        let name = text(port, "/name");
        if name.is_empty() && ports.len() > 1 {
            errors.push(FieldError::required(&format!("{field}.name"), ""));
        } else if !name.is_empty() {
            let path = format!("{field}.name");
            names::check(errors, &path, name, names::label(name));
            if !seen_names.insert(name) {
                errors.push(FieldError::duplicate(&path, name));
            }
        }
        pod_spec::check_port(
            &format!("{field}.port"),
            int(port, "/port").unwrap_or(0),
            errors,
        );
        let protocol = text(port, "/protocol");
        let known = ["SCTP", "TCP", "UDP"];
        if !known.contains(&protocol) {
            errors.push(FieldError::not_supported(
                &format!("{field}.protocol"),
                protocol,
                &known,
            ));
        }
        if let Some(target) = port.get("targetPort") {
            let path = format!("{field}.targetPort");
            match target {
                Value::Number(n) => {
                    pod_spec::check_port(&path, n.as_i64().unwrap_or(0), errors);
                }
                Value::String(text) if text.len() > 15 => {
                    let said = "must be no more than 15 characters";
                    errors.push(FieldError::invalid(&path, text.as_str(), said));
                }
                _ => {}
            }
        }
        let key = (int(port, "/port"), protocol);
        if !headless && !seen_ports.insert(key) {
            let shown = json!({"port": port.get("port"), "protocol": protocol});
            errors.push(FieldError::duplicate(&field, shown));
        }
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let (new_type, old_type) = (text(new, "/spec/type"), text(old, "/spec/type"));
    if new_type == "ExternalName" || old_type == "ExternalName" {
        return;
    }
    let (new_ip, old_ip) = (text(new, "/spec/clusterIP"), text(old, "/spec/clusterIP"));
    if !old_ip.is_empty() && new_ip != old_ip {
        let said = "may not change once set";
        errors.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            json!([new_ip]),
            said,
        ));
    }
    let class = (
        text(old, "/spec/loadBalancerClass"),
        text(new, "/spec/loadBalancerClass"),
    );
    if old_type == "LoadBalancer" && new_type == "LoadBalancer" && class.0 != class.1 {
        let said = "may not change once set";
        errors.push(FieldError::invalid("spec.loadBalancerClass", class.1, said));
    }
}

fn drop_field(value: &mut Value, field: &str) {
    if let Value::Object(map) = value {
        map.remove(field);
    }
}
