//! The examples of docs/how-to run, keep their contracts and learn. Each ends with an error or a panic if it does not.

#[path = "../../crates/dd-train/examples/custom_denoiser.rs"]
mod custom_denoiser;
#[path = "../../crates/dd-train/examples/custom_encoder.rs"]
mod custom_encoder;
#[path = "../../crates/dd-train/examples/custom_featurizer.rs"]
mod custom_featurizer;
#[path = "../../crates/dd-kernels/examples/custom_kernel.rs"]
mod custom_kernel;
#[path = "../../crates/dd-train/examples/custom_loss.rs"]
mod custom_loss;
#[path = "../../crates/dd-train/examples/custom_noise.rs"]
mod custom_noise;

#[test]
fn an_encoder() {
    custom_encoder::main().unwrap();
}

#[test]
fn a_denoiser() {
    custom_denoiser::main().unwrap();
}

#[test]
fn a_noise() {
    custom_noise::main().unwrap();
}

#[test]
fn a_loss() {
    custom_loss::main().unwrap();
}

#[test]
fn features() {
    custom_featurizer::main().unwrap();
}

#[test]
fn a_kernel() {
    custom_kernel::main().unwrap();
}
