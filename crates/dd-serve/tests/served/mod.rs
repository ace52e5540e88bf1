//! Small models on disk, and servers of them on a loopback socket.

#![allow(clippy::unwrap_used, dead_code)]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use candle_core::{DType, Device};
use dd_encoder2d::{
    EncoderConfig, GinConfig, HeadConfig, ModelConfig, Target, TokenGtConfig, save_model,
};
use dd_nn::ParamStore;
use dd_search::Index;
use dd_serve::{ServeConfig, ServedModel, Server, Stop, Student};

/// A folder of the test run.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("serve")
        .join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A model with drawn parameters: `gin` predicts a number and a class, `token` embeds.
pub(crate) fn model(test: &str, name: &str) -> PathBuf {
    let folder = scratch(test).join(name);
    let config = match name {
        "gin" => {
            let gin = GinConfig {
                width: 32,
                ..GinConfig::molecule_sde()
            };
            let targets = vec![
                Target::regression("gap", Some("eV")),
                Target::binary("toxic"),
            ];
            ModelConfig::encoder_only(EncoderConfig::Gin(gin))
                .with_head(HeadConfig::Linear, targets)
        }
        _ => ModelConfig::encoder_only(EncoderConfig::TokenGt(TokenGtConfig::student_64())),
    };
    let store = ParamStore::new(7, DType::F32, &Device::Cpu);
    if config.head.is_some() {
        config.build_predictor(&store).unwrap();
    } else {
        config.build_encoder(&store.root()).unwrap();
    }
    save_model(&folder, &config, &store, None).unwrap();
    folder
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: Stop,
    thread: Option<JoinHandle<dd_serve::Result<()>>>,
}

impl Running {
    pub(crate) fn new(
        models: Vec<Arc<dyn ServedModel>>,
        index: Option<Index>,
        config: ServeConfig,
    ) -> Self {
        let server = Server::new(models, index, config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), Stop::new());
        let stopper = stop.clone();
        let thread = std::thread::spawn(move || server.run(listener, &stopper, false));
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn of_folders(folders: &[PathBuf], config: ServeConfig) -> Self {
        let load =
            |folder: &PathBuf| -> Arc<dyn ServedModel> { Arc::new(Student::load(folder).unwrap()) };
        Self::new(folders.iter().map(load).collect(), None, config)
    }

    /// Ends it and says how it ended.
    pub(crate) fn end(mut self) -> dd_serve::Result<()> {
        self.stop.now();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.now();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
