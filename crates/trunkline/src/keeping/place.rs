//! Where the store is, and how it behaves, by what the Model says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use trunkline_model::Telemetry;
use trunkline_model::telemetry::{Durability, Keep, TailSampling};
use trunkline_store::rollup;
use trunkline_store::{Config, Memory, Retention, Sampling, ServiceRetention, wal};

/// What a store in memory may hold, in bytes: some hundred thousand spans.
pub(super) const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// What is counted of them is a small part of it.
const MEMORY_ROLLUP_BYTES: u64 = 8 << 20;
/// Its spans are packed early: packed they are a tenth as large.
const MEMORY_HEAD_BYTES: usize = 8 << 20;

/// A place for a store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Its folder; `None` for one in memory.
    pub folder: Option<PathBuf>,
    /// How it behaves.
    pub config: Config,
}

impl Place {
    /// The place that the Model asks for. `usual` is the folder where none is named: of this
    /// configuration, below the user's data.
    pub(crate) fn of(telemetry: &Telemetry, usual: Option<&Path>) -> Self {
        let Some(keep) = &telemetry.keep else {
            return Self::memory();
        };
        match keep.path.clone().or_else(|| usual.map(Path::to_owned)) {
            Some(folder) => Self { folder: Some(folder), config: config(keep) },
            None => Self::memory(),
        }
    }

    fn memory() -> Self {
        let retention = Retention {
            age: Some(Duration::from_hours(24)),
            bytes: Some(MEMORY_BYTES_MAX),
            free_bytes: 0,
            services: Vec::new(),
        };
        let memory = Memory { head_bytes_max: MEMORY_HEAD_BYTES, ..Memory::default() };
        // What ends with the process needs no log.
        let log = wal::Config::new(wal::Durability::None);
        let rollups =
            rollup::Config { kept_bytes_max: MEMORY_ROLLUP_BYTES, ..rollup::Config::default() };
        let config = Config { log, memory, retention, rollups, ..Config::default() };
        Self { folder: None, config }
    }
}

fn config(keep: &Keep) -> Config {
    let heads_bytes_max = usize::try_from(keep.memory.0).unwrap_or(usize::MAX);
    let usual = Memory::default();
    Config {
        log: wal::Config::new(match keep.durability {
            Durability::Fsync => wal::Durability::Fsync,
            Durability::Os => wal::Durability::Os,
            Durability::None => wal::Durability::None,
        }),
        // One head fills while the one before is written.
        memory: Memory {
            head_bytes_max: usual.head_bytes_max.min(heads_bytes_max / 2),
            heads_bytes_max,
            ..usual
        },
        retention: retention(keep),
        sampling: keep.sampling.as_ref().map(sampling),
        ..Config::default()
    }
}

/// When spans go.
pub(super) fn retention(keep: &Keep) -> Retention {
    let services = keep.retention.services.iter();
    let services =
        services.map(|(service, age)| ServiceRetention { service: service.to_string(), age: *age });
    Retention {
        age: Some(keep.retention.age),
        bytes: Some(keep.retention.size.0),
        free_bytes: keep.retention.free.0,
        services: services.collect(),
    }
}

fn sampling(wanted: &TailSampling) -> Sampling {
    Sampling {
        after: wanted.after,
        spans_per_second: f64::from(wanted.budget.count.get()) / wanted.budget.per.as_secs_f64(),
        slow: wanted.slow,
        rare: wanted.rare.into(),
    }
}

/// The folder of a configuration's store below the user's data: by the name of the project and the
/// folder of its file, so that two checkouts never share one.
pub(crate) fn usual(data: &Path, project: &str, config: &Path) -> PathBuf {
    let folder = config.parent().unwrap_or(config).as_os_str().as_encoded_bytes();
    // FNV-1a: it only has to tell folders of one user apart, and to be the same tomorrow.
    let hash = folder.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    data.join("store").join(format!("{project}-{hash:016x}"))
}
