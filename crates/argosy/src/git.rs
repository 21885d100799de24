//! From what was said of Git repositories to how they are read.

use argosy_cli::GitOptions;
use argosy_git::{GitSettings, Proxies, SshAgent};

/// Puts options over the defaults.
pub fn apply(options: &GitOptions, settings: &mut GitSettings) {
    if let Some(interval) = options.interval {
        settings.remote_interval = interval;
    }
    if let Some(bytes) = options.max_fetch {
        settings.max_fetch_bytes = bytes;
    }
    if let Some(bytes) = options.max_file {
        settings.max_file_bytes = bytes;
    }
    if let Some(submodules) = options.submodules {
        settings.submodules = submodules;
    }
    if let Some(program) = &options.ssh_program {
        settings.ssh.program.clone_from(program);
    }
    let environment = &options.environment;
    settings.proxies = Proxies {
        https: environment.https_proxy.clone(),
        http: environment.http_proxy.clone(),
        none_for: environment.no_proxy.clone(),
    };
    if options.ssh_agent == Some(true)
        && let Some(socket) = &environment.agent_socket
    {
        settings.ssh.agent = Some(SshAgent {
            socket: socket.clone(),
            known_hosts: environment.known_hosts.clone(),
        });
    }
}
