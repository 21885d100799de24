//! Argo CD's controllers: Applications and ApplicationSets.
