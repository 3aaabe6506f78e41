//! Runs pages from top to bottom. A copy of an example is made once, and is there for every page of the story.

use std::collections::BTreeMap;

use crate::compare::differences;
use crate::page::{Block, Kind, Page, Place};
use crate::support::repository;
use crate::world::World;

/// What is built before a copy of the example is of use; `./x test` sees to that.
const PREPARED: &[(&str, &str)] =
    &[("examples/monorepo-polyglot", "examples/monorepo-polyglot/node_modules/typescript")];

/// Runs what the pages show; a failure names the page and the line.
pub fn run(pages: &[Page]) {
    let mut worlds = Worlds { empty: World::new(), copies: BTreeMap::new(), now: None };
    for page in pages {
        worlds.go(&Place::Empty);
        let mut printed = None;
        let (mut ran, mut compared) = (0, 0);
        for block in &page.blocks {
            if let Some(place) = &block.place {
                worlds.go(place);
                printed = None;
            }
            let Some(world) = worlds.here() else {
                println!("{}:{}: skipped: ./x test prepares the example", page.path, block.line);
                continue;
            };
            if let Some(instead) = &block.instead {
                printed = Some(commands(page, block, instead, world));
            }
            match &block.kind {
                Kind::File(name) => world.write(name, &block.text),
                Kind::Commands if block.not_run.is_none() => {
                    printed = Some(commands(page, block, &block.text, world));
                    ran += 1;
                }
                Kind::Output => {
                    compared += usize::from(compare(page, block, printed.take(), world));
                }
                Kind::Commands | Kind::Other => {}
            }
        }
        println!("{}: {ran} blocks run, {compared} outputs compared", page.path);
    }
}

/// The machines of a story.
struct Worlds {
    empty: World,
    /// By folder of the repository; `None` where it is not prepared.
    copies: BTreeMap<String, Option<World>>,
    now: Option<String>,
}

impl Worlds {
    fn go(&mut self, place: &Place) {
        let (folder, inside) = match place {
            Place::Empty => {
                self.empty = World::new();
                self.now = None;
                return;
            }
            Place::Copy(folder) => (folder, format!("trunkline/{folder}")),
            Place::Clone(folder) => (folder, "trunkline".to_owned()),
        };
        let world = self.copies.entry(folder.clone()).or_insert_with(|| {
            let missing = PREPARED
                .iter()
                .any(|(example, file)| example == folder && !repository(file).exists());
            (!missing).then(|| World::with(folder))
        });
        if let Some(world) = world {
            world.enter(&inside);
        }
        self.now = Some(folder.clone());
    }

    fn here(&self) -> Option<&World> {
        self.now.as_ref().map_or(Some(&self.empty), |folder| self.copies[folder].as_ref())
    }
}

/// Whether something was compared.
fn compare(page: &Page, block: &Block, printed: Option<String>, world: &World) -> bool {
    let Some(printed) = printed.filter(|_| block.not_compared.is_none()) else {
        return false;
    };
    if let Some(wrong) = differences(&block.text, &printed, &world.home(), block.any_order) {
        panic!("{}:{}: this is not what is printed\n{wrong}", page.path, block.line);
    }
    true
}

fn commands(page: &Page, block: &Block, text: &str, world: &World) -> String {
    let output = world.shell(text);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.code() == Some(block.exit),
        "{}:{}: {}, not {}\n{text}--- printed\n{printed}",
        page.path,
        block.line,
        output.status,
        block.exit,
    );
    printed
}
