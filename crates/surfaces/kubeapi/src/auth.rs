//! Who may come in and what they may do: certificates, tokens, RBAC, impersonation.

pub mod attributes;
pub mod authn;
pub mod authority;
pub mod authorizer;
pub mod bootstrap;
#[cfg(test)]
pub mod fake_store;
pub mod files;
pub mod impersonate;
pub mod kubeconfig;
pub mod rbac;
pub mod rule;
pub mod tokens;
