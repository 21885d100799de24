//! Rows of services and what routes to them.

use crate::cells::age;
use crate::hooks::fields::{at, int, list, text};
use crate::hooks::label_selector;
use argosy_object::{Value, meta};
use jiff::Timestamp;
use std::collections::BTreeSet;

fn name(object: &Value) -> Value {
    meta(object, "name").into()
}

fn balancers(o: &Value) -> String {
    let all: BTreeSet<&str> = list(o, "/status/loadBalancer/ingress")
        .iter()
        .map(|i| {
            Some(text(i, "/ip"))
                .filter(|ip| !ip.is_empty())
                .unwrap_or(text(i, "/hostname"))
        })
        .filter(|address| !address.is_empty())
        .collect();
    all.into_iter().collect::<Vec<_>>().join(",")
}

pub fn service(now: Timestamp, o: &Value) -> Vec<Value> {
    let internal = list(o, "/spec/clusterIPs").first().and_then(Value::as_str);
    let ports: Vec<String> = list(o, "/spec/ports")
        .iter()
        .map(|port| {
            let number = int(port, "/port").unwrap_or(0);
            let protocol = text(port, "/protocol");
            match int(port, "/nodePort").unwrap_or(0) {
                0 => format!("{number}/{protocol}"),
                node => format!("{number}:{node}/{protocol}"),
            }
        })
        .collect();
    vec![
        name(o),
        text(o, "/spec/type").into(),
        internal.unwrap_or("<none>").into(),
        external(o).into(),
        if ports.is_empty() {
            "<none>".into()
        } else {
            ports.join(",").into()
        },
        age::of(now, o),
        label_selector::format_map(&at(o, "/spec/selector")).into(),
    ]
}

fn external(o: &Value) -> String {
    let ips: Vec<&str> = list(o, "/spec/externalIPs")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match text(o, "/spec/type") {
        "ClusterIP" | "NodePort" if ips.is_empty() => "<none>".into(),
        "ClusterIP" | "NodePort" => ips.join(","),
        "LoadBalancer" => {
            let own = balancers(o);
            let all: Vec<&str> = own
                .split(',')
                .filter(|ip| !ip.is_empty())
                .chain(ips)
                .collect();
            if all.is_empty() {
                "<pending>".into()
            } else {
                all.join(",")
            }
        }
        "ExternalName" => text(o, "/spec/externalName").into(),
        _ => "<unknown>".into(),
    }
}

pub fn ingress(now: Timestamp, o: &Value) -> Vec<Value> {
    const SHOWN: usize = 3;
    let rules = list(o, "/spec/rules");
    let (mut hosts, mut more) = (Vec::new(), false);
    for rule in rules {
        more |= hosts.len() == SHOWN;
        let host = text(rule, "/host");
        if !more && !host.is_empty() {
            hosts.push(host);
        }
    }
    let hosts = match (hosts.is_empty(), more) {
        (true, _) => "*".into(),
        (false, false) => hosts.join(","),
        (false, true) => format!("{} + {} more...", hosts.join(","), rules.len() - SHOWN),
    };
    let class = o.pointer("/spec/ingressClassName").and_then(Value::as_str);
    let ports = if list(o, "/spec/tls").is_empty() {
        "80"
    } else {
        "80, 443"
    };
    vec![
        name(o),
        class.unwrap_or("<none>").into(),
        hosts.into(),
        balancers(o).into(),
        ports.into(),
        age::of(now, o),
    ]
}

pub fn ingress_class(now: Timestamp, o: &Value) -> Vec<Value> {
    let default = "/metadata/annotations/ingressclass.kubernetes.io~1is-default-class";
    let mut shown = meta(o, "name").to_owned();
    if text(o, default) == "true" {
        shown.push_str(" (default)");
    }
    let parameters = o.pointer("/spec/parameters").filter(|p| !p.is_null());
    let parameters = parameters.map_or_else(
        || "<none>".to_owned(),
        |p| {
            let kind = crate::auth::attributes::qualified(text(p, "/kind"), text(p, "/apiGroup"));
            format!("{kind}/{}", text(p, "/name"))
        },
    );
    vec![
        shown.into(),
        text(o, "/spec/controller").into(),
        parameters.into(),
        age::of(now, o),
    ]
}

pub fn network_policy(now: Timestamp, o: &Value) -> Vec<Value> {
    let selector = label_selector::format(&at(o, "/spec/podSelector"));
    vec![name(o), selector.into(), age::of(now, o)]
}

pub fn endpoints(now: Timestamp, o: &Value) -> Vec<Value> {
    const SHOWN: usize = 3;
    let mut all = Vec::new();
    for subset in list(o, "/subsets") {
        let ports = list(subset, "/ports");
        let ips = || list(subset, "/addresses").iter().map(|a| text(a, "/ip"));
        if ports.is_empty() {
            all.extend(ips().map(str::to_owned));
        }
        for port in ports {
            let number = int(port, "/port").unwrap_or(0);
            all.extend(ips().map(|ip| {
                if ip.contains(':') {
                    format!("[{ip}]:{number}")
                } else {
                    format!("{ip}:{number}")
                }
            }));
        }
    }
    let shown = if list(o, "/subsets").is_empty() {
        "<none>".to_owned()
    } else if all.len() > SHOWN {
        format!("{} + {} more...", all[..SHOWN].join(","), all.len() - SHOWN)
    } else {
        all.join(",")
    };
    vec![name(o), shown.into(), age::of(now, o)]
}

pub fn endpoint_slice(now: Timestamp, o: &Value) -> Vec<Value> {
    let ports = list(o, "/ports")
        .iter()
        .map(|port| match int(port, "/port") {
            Some(number) => number.to_string(),
            None => port
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or("*")
                .to_owned(),
        });
    let addresses = list(o, "/endpoints")
        .iter()
        .flat_map(|e| list(e, "/addresses"))
        .filter_map(|a| a.as_str().map(str::to_owned));
    vec![
        name(o),
        text(o, "/addressType").into(),
        three(ports.collect()).into(),
        three(addresses.collect()).into(),
        age::of(now, o),
    ]
}

fn three(all: Vec<String>) -> String {
    const SHOWN: usize = 3;
    match all.len() {
        0 => "<unset>".into(),
        n if n > SHOWN => format!("{} + {} more...", all[..SHOWN].join(","), n - SHOWN),
        _ => all.join(","),
    }
}
