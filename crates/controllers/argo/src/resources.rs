//! The hub's resources that the controllers read and write.

use argosy_object::Gvk;
use argosy_ports::Resource;

/// Applications.
pub fn applications() -> Resource {
    argo("Application", "applications")
}

/// ApplicationSets.
pub fn application_sets() -> Resource {
    argo("ApplicationSet", "applicationsets")
}

/// AppProjects.
pub fn projects() -> Resource {
    argo("AppProject", "appprojects")
}

/// Secrets.
pub fn secrets() -> Resource {
    Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true)
}

/// ConfigMaps.
pub fn config_maps() -> Resource {
    Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true)
}

/// Everything that the controllers follow.
pub fn hub_resources() -> [Resource; 4] {
    [applications(), application_sets(), projects(), secrets()]
}

fn argo(kind: &str, plural: &str) -> Resource {
    Resource::new(Gvk::new("argoproj.io", "v1alpha1", kind), plural, true)
}
