//! Semantic versions and ranges as Masterminds/semver v3 reads them.
