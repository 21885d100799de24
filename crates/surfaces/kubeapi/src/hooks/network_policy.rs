//! What a NetworkPolicy's rules must be.
//!
//! Compat: `pkg/apis/networking/validation`.

use crate::FieldError;
use crate::hooks::fields::{at, int, list, text};
use crate::hooks::{label_selector, pod_spec};
use argosy_object::Value;

const CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

/// Checks selector and rules.
pub fn validate(policy: &Value, errors: &mut Vec<FieldError>) {
    let selector = at(policy, "/spec/podSelector");
    label_selector::validate(&selector, "spec.podSelector", errors);
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in list(policy, &format!("/spec/{rules}")).iter().enumerate() {
            let field = format!("spec.{rules}[{index}]");
            for (at, port) in list(rule, "/ports").iter().enumerate() {
                validate_port(port, &format!("{field}.ports[{at}]"), errors);
            }
            for (at, peer) in list(rule, &format!("/{peers}")).iter().enumerate() {
                validate_peer(peer, &format!("{field}.{peers}[{at}]"), errors);
            }
        }
    }
}

fn validate_port(port: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let protocol = text(port, "/protocol");
    let known = ["TCP", "UDP", "SCTP"];
    if !protocol.is_empty() && !known.contains(&protocol) {
        let path = format!("{field}.protocol");
        errors.push(FieldError::not_supported(&path, protocol, &known));
    }
    let end = int(port, "/endPort");
    let path = format!("{field}.endPort");
    match port.get("port") {
        Some(value @ Value::Number(number)) => {
            pod_spec::check_port_or_name(&format!("{field}.port"), value, errors);
            let first = number.as_i64().unwrap_or(0);
            if let Some(end) = end {
                if end < first {
                    // Upstream shows the port, not the end.
                    let said = "must be greater than or equal to `port`";
                    errors.push(FieldError::invalid(&path, first, said));
                }
                pod_spec::check_port(&path, end, errors);
            }
        }
        Some(value @ Value::String(_)) => {
            if let Some(end) = end {
                let said = "may not be specified when `port` is non-numeric";
                errors.push(FieldError::invalid(&path, end, said));
            }
            pod_spec::check_port_or_name(&format!("{field}.port"), value, errors);
        }
        _ => {
            if let Some(end) = end {
                let said = "may not be specified when `port` is not specified";
                errors.push(FieldError::invalid(&path, end, said));
            }
        }
    }
}

fn validate_peer(peer: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let mut peers = 0;
    for selector in ["podSelector", "namespaceSelector"] {
        if let Some(found) = peer.get(selector).filter(|s| !s.is_null()) {
            peers += 1;
            label_selector::validate(found, &format!("{field}.{selector}"), errors);
        }
    }
    let block = peer.get("ipBlock").filter(|b| !b.is_null());
    if let Some(block) = block {
        peers += 1;
        validate_block(block, &format!("{field}.ipBlock"), errors);
    }
    if peers == 0 {
        errors.push(FieldError::required(field, "must specify a peer"));
    } else if peers > 1 && block.is_some() {
        let said = "may not specify both ipBlock and another peer";
        errors.push(FieldError::forbidden(field, said));
    }
}

fn validate_block(block: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let cidr = text(block, "/cidr");
    let path = format!("{field}.cidr");
    if cidr.is_empty() {
        errors.push(FieldError::required(&path, ""));
        return;
    }
    let Some(whole) = network(cidr) else {
        errors.push(FieldError::invalid(&path, cidr, CIDR));
        return;
    };
    for (index, except) in list(block, "/except").iter().enumerate() {
        let path = format!("{field}.except[{index}]");
        let except = except.as_str().unwrap_or_default();
        match network(except) {
            None => errors.push(FieldError::invalid(&path, except, CIDR)),
            Some(part) if !contains(whole, part) => {
                let said = format!("must be a strict subset of `{cidr}`");
                errors.push(FieldError::invalid(&path, except, &said));
            }
            Some(_) => {}
        }
    }
}

/// An address as bits, with its family's length and the length of the prefix.
fn network(text: &str) -> Option<(u128, u32, u32)> {
    let (address, length) = text.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (bits, most) = match address.parse::<std::net::IpAddr>().ok()? {
        std::net::IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        std::net::IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    (length <= most).then_some((bits, most, length))
}

/// Whether `part` is a strict part of `whole`.
fn contains(whole: (u128, u32, u32), part: (u128, u32, u32)) -> bool {
    let shift = whole.1 - whole.2;
    let cut = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
    whole.1 == part.1 && part.2 > whole.2 && cut(whole.0) == cut(part.0)
}

/// Whether an address lies in a range such as `10.96.0.0/16`.
pub fn in_range(range: &str, address: &str) -> bool {
    let (Some(whole), Some(one)) = (network(range), network(&format!("{address}/32"))) else {
        return false;
    };
    contains(whole, (one.0, one.1, 33.min(one.2 + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_within_their_whole() {
        let net = |text| network(text).unwrap();
        assert!(contains(net("10.0.0.0/8"), net("10.1.0.0/16")));
        assert!(!contains(net("10.0.0.0/8"), net("10.0.0.0/8")));
        assert!(!contains(net("10.0.0.0/8"), net("11.0.0.0/16")));
        assert!(in_range("10.96.0.0/16", "10.96.3.4") && !in_range("10.96.0.0/16", "1.2.3.4"));
        assert!(network("nonsense").is_none() && network("10.0.0.0/33").is_none());
    }
}
