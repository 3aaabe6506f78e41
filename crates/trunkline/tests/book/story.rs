//! Runs a page from top to bottom.

use crate::compare::differences;
use crate::page::{Block, Kind, Page};
use crate::world::World;

/// Runs what a page shows; a failure names the page and the line.
pub fn run(page: &Page) {
    let mut world = World::new("");
    let mut printed = None;
    let (mut ran, mut compared) = (0, 0);
    for block in &page.blocks {
        if let Some(project) = &block.world {
            drop(world);
            world = World::new(project);
            printed = None;
        }
        match &block.kind {
            Kind::File(name) => world.write(name, &block.text),
            Kind::Commands => {
                printed = block.not_run.is_none().then(|| commands(page, block, &world));
                ran += usize::from(printed.is_some());
            }
            Kind::Output => {
                let Some(printed) = printed.take().filter(|_| block.not_compared.is_none()) else {
                    continue;
                };
                compared += 1;
                let wrong = differences(&block.text, &printed, &world.home(), block.any_order);
                if let Some(wrong) = wrong {
                    panic!("{}:{}: this is not what is printed\n{wrong}", page.path, block.line);
                }
            }
            Kind::Other => {}
        }
    }
    println!("{}: {ran} blocks run, {compared} outputs compared", page.path);
}

fn commands(page: &Page, block: &Block, world: &World) -> String {
    let output = world.shell(&block.text);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.code() == Some(block.exit),
        "{}:{}: {}, not {}\n{}--- printed\n{printed}",
        page.path,
        block.line,
        output.status,
        block.exit,
        block.text
    );
    printed
}
