//! The text of every CUDA module, as the run-time compiler gets it.
//!
//! Uses nothing but the standard library, so that the tests and `cargo xtask gpu ptx` include this file as it is.

/// One `.cu` file with the headers before it, and the kernels that it defines.
#[derive(Debug, Clone, Copy)]
pub struct Module {
    /// Name of the file without its ending.
    pub name: &'static str,
    headers: &'static [&'static str],
    text: &'static str,
    /// Names of its kernels.
    pub kernels: &'static [&'static str],
}

/// What tensors hold, and what sums run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Number {
    /// `float`, summed in `float`.
    F32,
    /// `double`, summed in `double`.
    F64,
    /// `bf16`, summed in `float`.
    Bf16,
}

impl Number {
    /// Name in file names and in the emulator.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bf16 => "bf16",
        }
    }

    /// The C++ that defines `T` and `A`.
    pub fn definitions(self) -> &'static str {
        match self {
            Self::F32 => "typedef float T;\ntypedef float A;\n",
            Self::F64 => "typedef double T;\ntypedef double A;\n",
            Self::Bf16 => "typedef bf16 T;\ntypedef float A;\n",
        }
    }
}

/// What comes before everything, once: number types.
pub const TYPES: &str = include_str!("kernels/types.cuh");

impl Module {
    /// The module for one number type, without [`TYPES`].
    pub fn body(&self, number: Number) -> String {
        let block = include_str!("kernels/block.cuh");
        let mut parts = vec![number.definitions(), block];
        parts.extend(self.headers);
        parts.push(self.text);
        parts.join("\n")
    }

    /// The whole source for one number type.
    pub fn source(&self, number: Number) -> String {
        [TYPES, &self.body(number)].join("\n")
    }
}

macro_rules! module {
    ($name:literal, $header:expr, $kernels:expr) => {
        Module {
            name: $name,
            headers: &$header,
            text: include_str!(concat!("kernels/", $name, ".cu")),
            kernels: $kernels,
        }
    };
}

const RANDOM: &str = include_str!("kernels/random.cuh");
const TILE: &str = include_str!("kernels/tile.cuh");
const MESSAGES: &str = include_str!("kernels/messages.cuh");

/// Every module.
pub const MODULES: [Module; 16] = [
    module!("gather", [], &["gather_sum", "spread"]),
    module!("sum_rows", [], &["sum_rows"]),
    module!("segment_max", [], &["segment_max", "segment_max_backward"]),
    module!(
        "segment_softmax",
        [],
        &["segment_softmax", "segment_softmax_backward"]
    ),
    module!(
        "activation",
        [],
        &["gelu", "silu", "gelu_backward", "silu_backward"]
    ),
    module!(
        "layer_norm",
        [],
        &[
            "layer_norm",
            "layer_norm_backward",
            "layer_norm_partial",
            "layer_norm_total"
        ]
    ),
    module!(
        "batch_norm",
        [],
        &[
            "column_sums",
            "column_totals",
            "batch_norm",
            "batch_norm_partial",
            "batch_norm_backward"
        ]
    ),
    module!("safe_norm", [], &["safe_norm", "safe_norm_backward"]),
    module!(
        "edges",
        [],
        &["filtered_sum", "gin_message", "gin_returned"]
    ),
    module!("et_update", [], &["et_update", "et_update_backward"]),
    module!("optimizer", [], &["lerp", "lerp_square", "adam_step"]),
    module!("dropout", [RANDOM], &["dropout"]),
    module!("attention", [RANDOM, TILE], &["attention"]),
    module!(
        "attention_backward",
        [RANDOM, TILE],
        &["attention_by_queries", "attention_by_keys"]
    ),
    module!("et_message", [MESSAGES], &["et_scores", "et_messages"]),
    module!(
        "et_message_backward",
        [MESSAGES],
        &[
            "et_edge_gradients",
            "et_edge_totals",
            "et_query_gradients",
            "et_source_gradients",
            "et_filter_gradients",
            "accumulate",
            "rounded"
        ]
    ),
];

/// The module that defines a kernel.
pub fn module_of(kernel: &str) -> Option<&'static Module> {
    static ALL: [Module; MODULES.len()] = MODULES;
    ALL.iter().find(|module| module.kernels.contains(&kernel))
}
