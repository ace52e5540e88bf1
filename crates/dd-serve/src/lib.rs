//! Models over HTTP: batches by token budget, limits, metrics, and a page to try them.
//!
//! A [`Server`] hosts [`ServedModel`]s; [`Student`] is a model folder, and a model of your own is one type that implements
//! the trait. Every row of a request has one answer, in order, with the fields of the row contract, and the answer for a
//! molecule does not depend on what else is asked at the same time.
//!
//! | Address | Answers |
//! |---|---|
//! | `POST /v1/predict`, `/v1/embed` | `{"smiles": [..], "model": optional name}` with one row each |
//! | `POST /v1/neighbours` | the same rows with the nearest entries of an index |
//! | `POST /v1/read` | a mol block with its SMILES |
//! | `GET /v1/layout?smiles=..` | atoms with places and bonds with orders: a drawing to be changed |
//! | `GET /v1/depict?smiles=..` | a picture (SVG); `values=` colours the atoms, `indices=true` numbers them |
//! | `GET /v1/models` | what is served, and the limits |
//! | `GET /` | a page with a text field and a sketcher |
//! | `GET /healthz`, `/readyz`, `/metrics` | whether it lives, takes requests, and how it is going |
//!
//! Molecules of all requests wait in one queue per model; a thread takes them in batches of a number of nodes and directed
//! edges ([`Batching`]). [`Limits`] bound what a request may take.
//!
//! Use this crate to put models behind an address of your own network. It knows no users and no encryption: stand a proxy
//! before it that does. To answer files, `dnd predict` needs no server.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use std::sync::Arc;
//! # use dd_encoder2d::{EncoderConfig, GinConfig, ModelConfig, DType, Device, save_model};
//! # let folder = std::env::temp_dir().join(format!("dd-serve-example-{}", std::process::id()));
//! # let config = ModelConfig::encoder_only(EncoderConfig::Gin(GinConfig { width: 8, ..GinConfig::molecule_sde() }));
//! # let store = dd_nn::ParamStore::new(0, DType::F32, &Device::Cpu);
//! # config.build_encoder(&store.root())?;
//! # save_model(&folder, &config, &store, None)?;
//!
//! let model = Arc::new(dd_serve::Student::load(&folder)?); // or the name of a model that ships
//! let server = dd_serve::Server::new(vec![model], None, dd_serve::ServeConfig::default())?;
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let (address, stop) = (listener.local_addr()?, dd_serve::Stop::new());
//! let stopper = stop.clone();
//! let running = std::thread::spawn(move || server.run(listener, &stopper, false));
//!
//! let mut stream = TcpStream::connect(address)?;
//! let body = r#"{"smiles": ["CCO", "C1CC"]}"#;
//! write!(stream, "POST /v1/embed HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
//!     content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
//! let mut answer = String::new();
//! stream.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""kind":"unclosed-ring""#));
//!
//! stop.now();
//! running.join().expect("the server ends")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod app;
mod batcher;
mod config;
mod error;
mod json;
mod layout;
mod metrics;
mod model;
mod neighbours;
mod page;
mod patience;
mod refusal;
mod row;
mod run;
mod server;
mod sketch;
mod status;
mod student;

pub use config::{Batching, Limits, ServeConfig};
pub use error::{Result, ServeError};
pub use model::{Card, ModelFailure, Prediction, ServedModel, ServedTarget};
pub use server::{Server, Stop};
pub use student::{Student, fingerprint};
