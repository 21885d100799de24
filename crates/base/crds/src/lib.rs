//! Typed views, for reading and for writing status, of the objects people already have.
//!
//! Names and spellings are upstream's, to the letter. A view holds the fields that Argosy acts
//! on; the object itself stays a [`argosy_object::Value`] and is never written back through a
//! view, so unknown fields survive.

mod application;
mod definitions;
mod flux;
mod operation;
mod project;
mod secrets;
mod status;

pub use application::*;
pub use definitions::definitions;
pub use flux::*;
pub use operation::*;
pub use project::*;
pub use secrets::*;
pub use status::*;

/// Label and annotation names of Argo CD.
pub mod names {
    /// The namespace of the control plane.
    pub const CONTROL_NAMESPACE: &str = "argocd";
    /// API group of Applications, ApplicationSets and AppProjects.
    pub const ARGO_GROUP: &str = "argoproj.io";
    /// `<app>:<group>/<kind>:<namespace>/<name>` on every managed object.
    pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
    /// `normal` or `hard`, removed when done.
    pub const REFRESH: &str = "argocd.argoproj.io/refresh";
    /// On an ApplicationSet: generate again now.
    pub const SET_REFRESH: &str = "argocd.argoproj.io/application-set-refresh";
    /// `"true"`: the controller leaves the object alone.
    pub const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
    /// Comma-separated options of an object.
    pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
    /// Comma-separated options of comparing an object.
    pub const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
    /// The wave, an integer.
    pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
    /// Phases, comma-separated.
    pub const HOOK: &str = "argocd.argoproj.io/hook";
    /// Helm's hook annotation.
    pub const HELM_HOOK: &str = "helm.sh/hook";
    /// Helm's keep policy.
    pub const HELM_RESOURCE_POLICY: &str = "helm.sh/resource-policy";
    /// Cascading delete, in the foreground.
    pub const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
    /// The kind of a Secret that configures Argo CD.
    pub const SECRET_TYPE: &str = "argocd.argoproj.io/secret-type";
    /// kubectl's annotation.
    pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    /// The field manager of every apply.
    pub const FIELD_MANAGER: &str = "argocd-controller";
    /// The server name of the cluster that the controllers run in.
    pub const IN_CLUSTER: &str = "https://kubernetes.default.svc";
}
