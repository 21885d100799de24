//! Who we are, said with every request: bearer tokens, basic authentication, token files and
//! credential programs.

mod exec;

pub use exec::{CredentialError, ExecSource};

use crate::spec::{ClusterSpec, Credential, TlsSpec};
use crate::transport::{Address, Limits, Remote, TlsStore, ask};
use argosy_object::Digest;
use argosy_ports::{ApiService, Body, BoxError};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Request, Response, StatusCode, header};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// As client-go: a projected token is rotated long before it ends.
const TOKEN_FILE_MAX_AGE: Duration = Duration::from_mins(1);
const TOKEN_FILE_MAX_BYTES: usize = 1 << 20;

/// Wraps `inner` so that every request says who we are. A credential program's certificate is
/// not shown: there is no TLS below this service.
pub fn authenticated(spec: &ClusterSpec, inner: ApiService) -> ApiService {
    match &spec.credential {
        Credential::None | Credential::Hub => inner,
        Credential::Bearer(token) => with_header(bearer(token.reveal()), inner),
        Credential::Basic { username, password } => {
            let pair = STANDARD.encode(format!("{username}:{}", password.reveal()));
            with_header(secret_header(format!("Basic {pair}")), inner)
        }
        Credential::TokenFile(path) => with_token_file(path.clone(), inner),
        Credential::Exec(exec) => {
            let source = Arc::new(ExecSource::new(exec.clone(), spec));
            with_exec(
                source,
                Arc::new(move |_: &TlsSpec| Ok(inner.clone())),
                spec.tls.clone(),
            )
        }
    }
}

/// A remote service whose credential program may bring a client certificate.
pub fn remote_with_exec(
    spec: &ClusterSpec,
    source: Arc<ExecSource>,
    store: TlsStore,
    address: Address,
    limits: Limits,
) -> ApiService {
    let make = move |tls: &TlsSpec| {
        let setup = store.setup(tls, &address)?;
        Ok(Remote::new(address.clone(), setup, limits).service())
    };
    with_exec(source, Arc::new(make), spec.tls.clone())
}

fn bearer(token: &str) -> Option<HeaderValue> {
    secret_header(format!("Bearer {}", token.trim()))
}

fn secret_header(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn with_header(value: Option<HeaderValue>, inner: ApiService) -> ApiService {
    ApiService::new(tower::service_fn(move |request| {
        let (value, inner) = (value.clone(), inner.clone());
        async move { send(inner, request, value).await }
    }))
}

async fn send(
    inner: ApiService,
    mut request: Request<Body>,
    value: Option<HeaderValue>,
) -> Result<Response<Body>, BoxError> {
    let Some(value) = value else {
        return Err(CredentialError::NoHeader.into());
    };
    request.headers_mut().insert(header::AUTHORIZATION, value);
    ask(inner, request).await
}

fn with_token_file(path: PathBuf, inner: ApiService) -> ApiService {
    let kept: Arc<Mutex<Option<(Instant, HeaderValue)>>> = Arc::default();
    ApiService::new(tower::service_fn(move |request| {
        let (path, kept, inner) = (path.clone(), kept.clone(), inner.clone());
        async move {
            let known = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let fresh = known.filter(|(read, _)| read.elapsed() < TOKEN_FILE_MAX_AGE);
            let value = match fresh {
                Some((_, value)) => Some(value),
                None => {
                    let value = read_token(&path).await?;
                    *kept.lock().unwrap_or_else(PoisonError::into_inner) =
                        value.clone().map(|value| (Instant::now(), value));
                    value
                }
            };
            send(inner, request, value).await
        }
    }))
}

async fn read_token(path: &PathBuf) -> Result<Option<HeaderValue>, CredentialError> {
    let unreadable = |reason: String| CredentialError::TokenFile {
        path: path.clone(),
        reason,
    };
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() > TOKEN_FILE_MAX_BYTES {
        return Err(unreadable("it is too large for a token".to_owned()));
    }
    let token = String::from_utf8(bytes).map_err(|_| unreadable("it is no text".to_owned()))?;
    Ok(bearer(&token))
}

type MakeService =
    Arc<dyn Fn(&TlsSpec) -> Result<ApiService, crate::transport::TransportError> + Send + Sync>;

/// Asks the program before each request (it answers from its cache) and once again after a 401.
fn with_exec(source: Arc<ExecSource>, make: MakeService, tls: TlsSpec) -> ApiService {
    let current: Arc<Mutex<Option<(Digest, ApiService)>>> = Arc::default();
    ApiService::new(tower::service_fn(move |request: Request<Body>| {
        let (source, make, tls, current) =
            (source.clone(), make.clone(), tls.clone(), current.clone());
        async move {
            let credential = source.get().await?;
            let mut tls = tls;
            if let Some((certificate, key)) = &credential.certificate {
                tls.certificate = Some(certificate.clone());
                tls.key = Some(key.clone());
            }
            let material = tls.material();
            let inner = {
                let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
                match &*current {
                    Some((known, service)) if *known == material => service.clone(),
                    _ => {
                        let service = make(&tls)?;
                        *current = Some((material, service.clone()));
                        service
                    }
                }
            };
            let result = match &credential.token {
                Some(token) => send(inner, request, bearer(token.reveal())).await,
                None => ask(inner, request).await,
            };
            if result
                .as_ref()
                .is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED)
            {
                // The next request, which every caller makes soon, asks the program anew.
                source.forget(&credential).await;
            }
            result
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_ports::empty_body;
    use tower::ServiceExt as _;

    fn echo() -> ApiService {
        ApiService::new(tower::service_fn(|request: Request<Body>| async move {
            let mut response = Response::new(empty_body());
            if let Some(value) = request.headers().get(header::AUTHORIZATION) {
                response.headers_mut().insert("seen", value.clone());
            }
            Ok::<_, BoxError>(response)
        }))
    }

    async fn seen(credential: Credential) -> String {
        let spec = ClusterSpec {
            name: "x".into(),
            server: "https://x".into(),
            tls: TlsSpec::default(),
            credential,
            scope: crate::spec::Scope::default(),
        };
        let service = authenticated(&spec, echo());
        let response = service.oneshot(Request::new(empty_body())).await.unwrap();
        response
            .headers()
            .get("seen")
            .map_or_else(String::new, |v| v.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn each_credential_has_its_header() {
        assert_eq!(seen(Credential::None).await, "");
        assert_eq!(
            seen(Credential::Bearer("t".to_owned().into())).await,
            "Bearer t"
        );
        let basic = Credential::Basic {
            username: "u".into(),
            password: "p".to_owned().into(),
        };
        assert_eq!(seen(basic).await, "Basic dTpw");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "from-file\n").unwrap();
        assert_eq!(seen(Credential::TokenFile(path)).await, "Bearer from-file");
    }
}
