//! Reading configuration for a verb: which files, with which options, and telling what is wrong
//! with them in the one voice of diagnostics.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use trunkline_config::diagnostic::{Style, render_all};
use trunkline_config::dialect::Dialect;
use trunkline_config::files::{Disk, Files};
use trunkline_config::native::Native;
use trunkline_config::source::ReadError;
use trunkline_config::{Loaded, Options, load_with};
use trunkline_dialect_spring::Spring;
use trunkline_model::Model;

use crate::exit::{Exit, Failure};
use crate::print::Printer;

/// Names that are looked for when no file is given, in this order.
pub(crate) const NAMES: &[&str] = &["trunkline.yaml", "trunkline.yml"];

/// The formats that are read. The native one comes first: others add to what it names.
const DIALECTS: &[&dyn Dialect] = &[&Native, &Spring];

/// What is made of a Model that was read.
type Shape = dyn Fn(Model) -> Model + Send + Sync;

/// What to read, and how.
#[derive(Clone)]
pub(crate) struct Loader {
    files: Vec<PathBuf>,
    options: Options,
    strict: bool,
    shape: Option<Arc<Shape>>,
    /// The text to read in place of the file, where a file was not written but found.
    text: Option<Arc<str>>,
}

/// What a file that exists only as a text is called, after the name it would have.
const FOUND: &str = "trunkline.yaml (found)";

impl Loader {
    /// Reads a text as the `trunkline.yaml` of a folder that has none.
    pub(crate) fn of_text(dir: &Path, text: &str, options: Options) -> Self {
        let files = vec![relative(dir, Path::new(FOUND))];
        Self { files, options, strict: false, text: Some(text.into()), shape: None }
    }

    /// Reads these files; paths are relative to `dir`. Without files, the nearest `trunkline.yaml`
    /// in `dir` or above it.
    pub(crate) fn new(dir: &Path, files: &[PathBuf], options: Options) -> Result<Self, Failure> {
        let files = match files {
            [] => vec![nearest(dir)?],
            files => files.iter().map(|file| relative(dir, file)).collect(),
        };
        Ok(Self { files, options, strict: false, text: None, shape: None })
    }

    /// Reads with other options.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Takes warnings for errors.
    pub(crate) fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Makes something of every Model that is read from now on.
    pub(crate) fn shaped(mut self, shape: impl Fn(Model) -> Model + Send + Sync + 'static) -> Self {
        self.shape = Some(Arc::new(shape));
        self
    }

    /// The file that names the run.
    pub(crate) fn main_file(&self) -> Result<PathBuf, Failure> {
        let file =
            self.files.first().ok_or_else(|| Failure::usage("no configuration file was given"))?;
        if self.text.is_some() {
            // The run is that of the file that would be written, so that writing it changes nothing.
            let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = std::fs::canonicalize(folder.unwrap_or(Path::new(".")));
            let name = NAMES.first().copied().unwrap_or_default();
            return folder
                .map(|folder| folder.join(name))
                .map_err(|error| Failure::usage(format_args!("{}: {error}", file.display())));
        }
        std::fs::canonicalize(file)
            .map_err(|error| Failure::usage(format_args!("{}: {error}", file.display())))
    }

    /// Every file that was asked for.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The overlay that is put over them.
    pub(crate) fn overlay(&self) -> Option<&str> {
        self.options.env.as_deref()
    }

    /// Reads them now.
    pub(crate) fn load(&self) -> Loaded {
        let mut loaded = match &self.text {
            Some(text) => load_text(&self.files, text, &self.options),
            None => load_with(&Disk, &self.files, &self.options, DIALECTS),
        };
        if self.strict {
            loaded.diagnostics.make_strict();
            if loaded.diagnostics.has_errors() {
                loaded.model = None;
            }
        }
        if let Some(shape) = &self.shape {
            let shaped = |model| Arc::new(shape(Arc::unwrap_or_clone(model)));
            loaded.model = loaded.model.map(shaped);
        }
        loaded
    }
}

/// Loads a text in place of the first of these files; what it includes comes from the disk.
fn load_text(files: &[PathBuf], text: &str, options: &Options) -> Loaded {
    let first = files.first().cloned().unwrap_or_default();
    let over = Over { name: first.file_name().map(ToOwned::to_owned), text };
    load_with(&over, files, options, DIALECTS)
}

/// The disk, with one file that is not there.
struct Over<'a> {
    name: Option<std::ffi::OsString>,
    text: &'a str,
}

impl Files for Over<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        if path.file_name() == self.name.as_deref() {
            return Ok(self.text.as_bytes().to_vec());
        }
        Disk.read(path)
    }

    fn list(&self, folder: &Path) -> Vec<(PathBuf, bool)> {
        Disk.list(folder)
    }
}

/// Tells every message; an error among them is a failure.
pub(crate) fn tell(loaded: &Loaded, printer: &Printer) -> Result<(), Failure> {
    crate::print::complain(&render_all(&loaded.diagnostics, &loaded.sources, style(printer)));
    if loaded.diagnostics.has_errors() { Err(Failure::told(Exit::Usage)) } else { Ok(()) }
}

/// Every message of a load, without colour, for APIs and logs.
pub(crate) fn plain_messages(loaded: &Loaded) -> Vec<String> {
    let render = |diagnostic| {
        trunkline_config::diagnostic::render(diagnostic, &loaded.sources, Style::Plain)
    };
    loaded.diagnostics.iter().map(render).collect()
}

/// How diagnostics look on standard error.
pub(crate) fn style(printer: &Printer) -> Style {
    if printer.progress.is_on() { Style::Colour } else { Style::Plain }
}

/// The nearest configuration file in `dir` or above it, if there is one.
pub(crate) fn find_nearest(dir: &Path) -> Result<Option<PathBuf>, Failure> {
    let start = std::fs::canonicalize(dir)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", dir.display())))?;
    for folder in start.ancestors() {
        for name in NAMES {
            let file = folder.join(name);
            if file.is_file() {
                return Ok(Some(shorten(&start, dir, folder, name).unwrap_or(file)));
            }
        }
    }
    Ok(None)
}

fn nearest(dir: &Path) -> Result<PathBuf, Failure> {
    if let Some(file) = find_nearest(dir)? {
        return Ok(file);
    }
    let start = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    Err(Failure::usage(format_args!(
        "there is no trunkline.yaml in {} or above it",
        start.display()
    ))
    .hint("`trunkline init` writes one of what it finds; or name a folder with `-C`"))
}

/// The file as a person would name it, when it is in the folder that was given.
fn shorten(start: &Path, dir: &Path, folder: &Path, name: &str) -> Option<PathBuf> {
    (start == folder).then(|| relative(dir, Path::new(name)))
}

fn relative(dir: &Path, file: &Path) -> PathBuf {
    if dir == Path::new(".") { file.to_owned() } else { dir.join(file) }
}
