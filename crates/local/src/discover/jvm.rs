//! pom.xml and build.gradle: a build with the plugin of Spring Boot, Quarkus or Micronaut, or one
//! that names a main class, is a service. The files are searched as text, without their comments.

use super::candidate::{Candidate, Evidence, read};
use super::code::{without_comments, without_xml_comments};
use super::links;
use super::node::without_prefix;
use super::tree::{Tree, join};

/// A framework: how its plugin is named, what runs it, and by what it is told its port.
struct Framework {
    plugin: &'static str,
    run: &'static str,
    port: &'static str,
    reloads: bool,
}

const MAVEN: &[Framework] = &[
    Framework {
        plugin: "spring-boot-maven-plugin",
        run: "spring-boot:run",
        port: "SERVER_PORT",
        reloads: false,
    },
    Framework {
        plugin: "quarkus-maven-plugin",
        run: "quarkus:dev",
        port: "QUARKUS_HTTP_PORT",
        reloads: true,
    },
    Framework {
        plugin: "micronaut-maven-plugin",
        run: "mn:run",
        port: "MICRONAUT_SERVER_PORT",
        reloads: true,
    },
];

const GRADLE: &[Framework] = &[
    Framework {
        plugin: "org.springframework.boot",
        run: "bootRun",
        port: "SERVER_PORT",
        reloads: false,
    },
    Framework { plugin: "io.quarkus", run: "quarkusDev", port: "QUARKUS_HTTP_PORT", reloads: true },
    Framework {
        plugin: "io.micronaut.application",
        run: "run",
        port: "MICRONAUT_SERVER_PORT",
        reloads: false,
    },
];

/// Adds the services of a folder with a build file.
pub(super) fn find(tree: &Tree, folder: &str, into: &mut Vec<Candidate>) {
    if let Some((path, text)) = read(tree, folder, "pom.xml") {
        into.extend(maven(tree, folder, &path, &text));
    }
    let gradle = ["build.gradle.kts", "build.gradle"];
    if let Some((path, text)) = gradle.iter().find_map(|name| read(tree, folder, name)) {
        into.extend(self::gradle(tree, folder, &path, &text));
    }
}

fn maven(tree: &Tree, folder: &str, path: &str, text: &str) -> Option<Candidate> {
    let build = without_xml_comments(text);
    // A parent only says how its modules are built.
    if element(&build, "packaging").is_some_and(|packaging| packaging == "pom") {
        return None;
    }
    let program = program(tree, folder, "mvnw", "mvn");
    let spring = || has_spring_application(tree, folder).then(|| MAVEN.first()).flatten();
    let named = MAVEN.iter().find(|framework| build.contains(framework.plugin));
    let framework = named.or_else(|| build.contains("spring-boot").then(spring).flatten());
    let mut candidate = if let Some(framework) = framework {
        let needle = if named.is_some() { framework.plugin } else { "spring-boot" };
        let line = format!("{}=$PORT {program} -q {}", framework.port, framework.run);
        let mut candidate =
            Candidate::new(folder, "java", line, Evidence::in_text(path, text, needle, needle));
        candidate.reloads = framework.reloads;
        candidate
    } else {
        let needle = "exec-maven-plugin";
        if !build.contains(needle) || !build.contains("<mainClass>") {
            return None;
        }
        let evidence = Evidence::in_text(path, text, needle, needle);
        let mut candidate =
            Candidate::new(folder, "java", format!("{program} -q exec:java"), evidence);
        candidate.listens = links::mentions_port(tree, folder, folder);
        candidate
    };
    candidate.build = (!candidate.reloads).then(|| format!("{program} -q compile"));
    if build.contains("spring-boot-starter-actuator") {
        candidate.health = Some("/actuator/health".to_owned());
    }
    let own = build.split_once("</parent>").map_or(build.as_str(), |(_, own)| own);
    if let Some(name) = element(own, "artifactId") {
        candidate.called = without_prefix(&name, &candidate.called);
    }
    Some(candidate)
}

fn gradle(tree: &Tree, folder: &str, path: &str, text: &str) -> Option<Candidate> {
    let build = without_comments(text);
    let applies = |plugin: &str| {
        build.lines().any(|line| has_quoted(line, plugin) && !line.contains("apply false"))
    };
    let program = program(tree, folder, "gradlew", "gradle");
    let framework = GRADLE.iter().find(|framework| applies(framework.plugin));
    let mut candidate = if let Some(framework) = framework {
        let line = format!("{}=$PORT {program} -q {}", framework.port, framework.run);
        let evidence = Evidence::in_text(path, text, framework.plugin, framework.plugin);
        let mut candidate = Candidate::new(folder, "java", line, evidence);
        candidate.reloads = framework.reloads;
        candidate
    } else {
        let application = build.contains("application") && build.contains("mainClass");
        if !application {
            return None;
        }
        let evidence = Evidence::in_text(path, text, "mainClass", "mainClass");
        let mut candidate = Candidate::new(folder, "java", format!("{program} -q run"), evidence);
        candidate.listens = links::mentions_port(tree, folder, folder);
        candidate
    };
    candidate.build = (!candidate.reloads).then(|| format!("{program} -q classes"));
    if build.contains("spring-boot-starter-actuator") {
        candidate.health = Some("/actuator/health".to_owned());
    }
    Some(candidate)
}

fn has_quoted(line: &str, text: &str) -> bool {
    ['"', '\''].iter().any(|quote| line.contains(&format!("{quote}{text}{quote}")))
}

/// A module whose parent has the plugin: its sources say that it is an application.
fn has_spring_application(tree: &Tree, folder: &str) -> bool {
    let folder = join(folder, "src/main");
    links::texts(tree, &folder).any(|(_, text)| text.contains("@SpringBootApplication"))
}

/// The wrapper of the nearest folder that has one, as seen from `folder`; else the program itself.
fn program(tree: &Tree, folder: &str, wrapper: &str, program: &str) -> String {
    let Some(above) = tree.nearest(folder, &[wrapper]) else {
        return program.to_owned();
    };
    let depth = |folder: &str| folder.split('/').filter(|part| !part.is_empty()).count();
    let up = depth(folder) - depth(above);
    if up == 0 { format!("./{wrapper}") } else { format!("{}{wrapper}", "../".repeat(up)) }
}

/// The text of the first element of this name.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value.trim().to_owned())
}
