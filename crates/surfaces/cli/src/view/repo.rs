//! Repositories, which are Secrets.

use crate::output::Listing;
use crate::table::Table;
use argosy_crds::RepositorySecret;
use argosy_object::{Object, json};

/// What a look at a repository brought: nothing, or why it failed.
pub type Probe = Option<Result<(), String>>;

/// The list of `repo list`: Secrets with what a look at each brought.
pub fn list(repositories: &[(Object, Probe)]) -> Listing {
    let mut listing = Listing {
        table: Table::new(&[
            "TYPE", "NAME", "REPO", "INSECURE", "OCI", "LFS", "CREDS", "STATUS", "MESSAGE",
            "PROJECT",
        ]),
        ..Listing::default()
    };
    for (secret, probe) in repositories {
        let view = match RepositorySecret::of(secret) {
            Ok(view) => view,
            Err(error) => {
                let cells = ["", secret.name(), "", "", "", "", "", "Failed"];
                let message = error.to_string();
                listing.table.row(cells.into_iter().chain([&*message]));
                continue;
            }
        };
        let has_creds = !(view.username.is_empty()
            && view.password.reveal().is_empty()
            && view.bearer_token.reveal().is_empty()
            && view.ssh_private_key.reveal().is_empty()
            && view.tls_client_cert.is_empty());
        let (status, message) = match probe {
            None => ("Unknown", String::new()),
            Some(Ok(())) => ("Successful", String::new()),
            Some(Err(message)) => ("Failed", message.clone()),
        };
        listing.table.row([
            view.kind.clone(),
            view.name.clone(),
            view.url.clone(),
            view.insecure.to_string(),
            view.enable_oci.to_string(),
            view.enable_lfs.to_string(),
            has_creds.to_string(),
            status.to_owned(),
            message.clone(),
            view.project.clone(),
        ]);
        listing.names.push(view.url.clone());
        listing.objects.push(json!({
            "repo": view.url,
            "type": view.kind,
            "name": view.name,
            "project": view.project,
            "insecure": view.insecure,
            "enableLfs": view.enable_lfs,
            "enableOCI": view.enable_oci,
            "username": view.username,
            "connectionState": {"status": status, "message": message},
        }));
    }
    listing
}
