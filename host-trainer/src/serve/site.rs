//! The page's addresses: which path gives what. Decides nothing else.

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::{self, DOCUMENT_POLICY, Names};
use super::label::Bench;
use super::memory::Memory;
use super::mistakes::{Mistakes, Wanted, content_type, gallery};
use super::model::Facts;
use super::pool::Pool;
use super::problem::Problem;
use super::runs::Runs;
use super::upload::{self, Intake, MAX_BODY_BYTES, MAX_PICTURES};
use crate::split::Part;

/// What the addresses answer from.
#[derive(Debug)]
pub struct Site {
    /// What is known of the network.
    pub facts: Facts,
    /// The threads that classify.
    pub pool: Pool,
    /// Takes uploads in.
    pub intake: Intake,
    /// Room for what is in memory.
    pub memory: Memory,
    /// The runs to browse.
    pub runs: Runs,
    /// Their answers.
    pub mistakes: Mistakes,
    /// The pictures to label, if there are some.
    pub bench: Option<Bench>,
}

type Shared = State<Arc<Site>>;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The page and the API's own description: path, content type, content.
const ASSETS: [(&str, &str, &str); 12] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/page.css", CSS, include_str!("page/page.css")),
    ("/cards.css", CSS, include_str!("page/cards.css")),
    ("/main.js", SCRIPT, include_str!("page/main.js")),
    ("/show.js", SCRIPT, include_str!("page/show.js")),
    ("/classify.js", SCRIPT, include_str!("page/classify.js")),
    ("/webcam.js", SCRIPT, include_str!("page/webcam.js")),
    ("/runs.js", SCRIPT, include_str!("page/runs.js")),
    ("/label", HTML, include_str!("page/label.html")),
    ("/label.css", CSS, include_str!("page/label.css")),
    ("/label.js", SCRIPT, include_str!("page/label.js")),
    ("/api", TEXT, include_str!("api.md")),
];

/// All addresses, guarded.
pub fn router(site: Arc<Site>, names: Names) -> Router {
    let mut router = Router::new()
        .route("/api/model", get(model))
        .route("/api/classify", post(classify))
        .route("/api/runs", get(runs))
        .route("/api/runs/{run}", get(run))
        .route("/api/runs/{run}/report.html", get(report))
        .route("/api/runs/{run}/plots/{plot}", get(plot))
        .route("/api/runs/{run}/answers", get(answers))
        .route("/api/runs/{run}/picture", get(picture))
        .route("/api/crops", get(crops))
        .route("/api/crops/{id}/picture", get(crop))
        .route("/api/crops/{id}/label", post(label));
    for (path, kind, content) in ASSETS {
        let answer = move || async move { ([(header::CONTENT_TYPE, kind)], content) };
        router = router.route(path, get(answer));
    }
    router
        .fallback(async || Problem::NotFound("page"))
        .method_not_allowed_fallback(async || Problem::Method)
        .with_state(site)
        .layer(middleware::from_fn_with_state(
            Arc::new(names),
            guard::watch,
        ))
}

async fn model(State(site): Shared) -> Json<Value> {
    Json(json!({
        "model": site.facts,
        "program": concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
        "runs": site.runs.place(),
        "max_upload_bytes": MAX_BODY_BYTES,
        "max_pictures": MAX_PICTURES,
    }))
}

async fn classify(State(site): Shared, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let body = site.intake.read(&head.headers, body).await?;
    if body.is_empty() {
        return Err(Problem::Empty);
    }
    match multipart(&head.headers) {
        None => {
            let answer = site.pool.classify(body).await?;
            Ok(Json(answer).into_response())
        }
        Some(content_type) => {
            let mut answers = Vec::new();
            for part in upload::parts(body, content_type, &site.memory).await? {
                let answer = match site.pool.classify(part.bytes).await {
                    // All or nothing: whoever asks again asks for all of them.
                    Err(Problem::Busy) => return Err(Problem::Busy),
                    Err(problem) => json!({ "error": problem.to_string() }),
                    Ok(answer) => json!(answer),
                };
                answers.push(with_name(answer, part.name));
            }
            Ok(Json(json!({ "answers": answers })).into_response())
        }
    }
}

fn multipart(headers: &HeaderMap) -> Option<&header::HeaderValue> {
    headers.get(header::CONTENT_TYPE).filter(|value| {
        let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
        text.starts_with("multipart/form-data")
    })
}

fn with_name(mut answer: Value, name: Option<String>) -> Value {
    if let Value::Object(fields) = &mut answer {
        fields.insert("name".into(), json!(name));
    }
    answer
}

/// Runs what reads files where waiting for a disk holds nobody up.
async fn reading<T: Send + 'static>(
    site: Arc<Site>,
    read: impl FnOnce(&Site) -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(move || read(&site))
        .await
        .map_err(|_| Problem::Failed("reading the run's files failed".into()))
}

async fn runs(State(site): Shared) -> Result<Response, Problem> {
    let answer = |site: &Site| json!({ "folder": site.runs.place(), "runs": site.runs.list() });
    Ok(Json(reading(site, answer).await?).into_response())
}

async fn run(State(site): Shared, Path(name): Path<String>) -> Result<Response, Problem> {
    let details = reading(site, move |site| site.runs.details(&name)).await??;
    Ok(Json(details).into_response())
}

async fn report(State(site): Shared, Path(name): Path<String>) -> Result<Response, Problem> {
    let memory = site.memory.clone();
    let report = reading(site, move |site| site.runs.report(&name)).await??;
    document(&memory, HTML, report)
}

async fn plot(
    State(site): Shared,
    Path((name, plot)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let memory = site.memory.clone();
    let plot = reading(site, move |site| site.runs.plot(&name, &plot)).await??;
    document(&memory, SVG, plot)
}

fn document(memory: &Memory, kind: &'static str, content: Vec<u8>) -> Result<Response, Problem> {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, DOCUMENT_POLICY),
    ];
    Ok((headers, memory.hold(content)?).into_response())
}

async fn answers(
    State(site): Shared,
    Path(name): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = wanted.map_err(|error| Problem::Parameter(error.body_text()))?;
    let gallery = reading(site, move |site| {
        let (_, folder) = site.runs.find(&name)?;
        Ok::<_, Problem>(gallery(&site.mistakes.of(&folder)?, &wanted))
    });
    Ok(Json(gallery.await??).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    part: Part,
    path: String,
}

async fn picture(
    State(site): Shared,
    Path(name): Path<String>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(which) = which.map_err(|error| Problem::Parameter(error.body_text()))?;
    let memory = site.memory.clone();
    let (kind, bytes) = reading(site, move |site| {
        site.mistakes
            .picture(&site.runs, &name, which.part, &which.path)
    })
    .await??;
    document(&memory, kind, bytes)
}

/// The bench, or that there is none.
fn bench(site: &Site) -> Result<&Bench, Problem> {
    let none = Problem::NotFound("picture to label; start the program with --crops DIR");
    site.bench.as_ref().ok_or(none)
}

async fn crops(State(site): Shared) -> Result<Response, Problem> {
    let desk = |site: &Site| bench(site).map(|bench| Json(json!(bench.desk())));
    Ok(reading(site, desk).await??.into_response())
}

async fn crop(State(site): Shared, Path(id): Path<String>) -> Result<Response, Problem> {
    let memory = site.memory.clone();
    let bytes = reading(site, move |site| bench(site)?.picture(&id)).await??;
    let kind = content_type(&bytes).ok_or(Problem::NotFound("picture"))?;
    document(&memory, kind, bytes)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    label: Option<String>,
}

async fn label(
    State(site): Shared,
    Path(id): Path<String>,
    said: Result<Json<Said>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Said { label }) = said.map_err(|error| Problem::Parameter(error.body_text()))?;
    reading(site, move |site| bench(site)?.label(&id, label)).await??;
    Ok(Json(json!({})).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_names_every_address_and_the_page_every_asset() {
        let this = include_str!("site.rs");
        let described = include_str!("api.md");
        let mut addresses = 0;
        for line in this.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix(".route(\"/api") {
                let address = rest.split('"').next().unwrap();
                assert!(described.contains(&format!("/api{address}")), "{address}");
                addresses += 1;
            }
        }
        assert_eq!(addresses, 11);
        let sources: String = ASSETS.iter().map(|(_, _, content)| *content).collect();
        for (path, _, _) in ASSETS {
            assert!(sources.contains(&format!("{path}\"")), "{path}");
        }
        for outside in ["http://", "https://", "//cdn", "style=", "onclick="] {
            let own = sources.replace("http://127.0.0.1:8017", "");
            let own = own.replace("http://www.w3.org/2000/svg", "");
            assert!(!own.contains(outside), "{outside}");
        }
    }
}
