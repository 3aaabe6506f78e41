//! What is found in little trees of every language, and what is left open.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use trunkline_local::discover::{Choices, Discovery, discover, discover_with, whole_file};

/// A tree of these files in a folder called `shop`.
pub(crate) fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join("shop").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

pub(crate) fn look(folder: &Path) -> Discovery {
    discover(&folder.join("shop")).unwrap()
}

/// Each service as `name folder: build => command`, and what else is said of it.
fn lines(found: &Discovery) -> Vec<String> {
    let line = |service: &trunkline_local::discover::Found| {
        let runs = &service.runs;
        let mut line = format!("{} {}: ", service.name, runs.folder);
        if let Some(build) = &runs.build {
            let _ = write!(line, "{build} => ");
        }
        line += &runs.command;
        if runs.reloads {
            line += " (reloads)";
        }
        if let Some(port) = runs.port {
            let _ = write!(line, " :{port}");
        }
        if let Some(health) = &runs.health {
            let _ = write!(line, " {health}");
        }
        for (name, _) in &service.calls {
            let _ = write!(line, " ->{name}");
        }
        line
    };
    found.services.iter().map(line).collect()
}

fn check(files: &[(&str, &str)], expected: &[&str]) {
    let folder = tree(files);
    let found = look(folder.path());
    assert_eq!(lines(&found), expected, "{files:?}\n{:?}", found.questions);
    assert!(found.questions.is_empty(), "{:?}", found.questions);
}

/// What is asked, as sentences; nothing of it is a service.
fn check_asked(files: &[(&str, &str)], expected: &str) {
    let folder = tree(files);
    let found = look(folder.path());
    let asked: Vec<_> = found.questions.iter().map(ToString::to_string).collect();
    assert_eq!((lines(&found), asked), (vec![], vec![expected.to_owned()]), "{files:?}");
}

const DEV: &str = r#"{ "name": "@acme/web", "scripts": { "dev": "node --watch a.js" } }"#;
const GO_MAIN: &str = "package main\n\nfunc main() {\n\tlisten(os.Getenv(\"PORT\"))\n}\n";
const GO_TOOL: &str = "package main\n\nfunc main() {\n}\n";
const RUST_MAIN: &str = "fn main() { listen(std::env::var(\"PORT\")) }";
const JAVA_MAIN: &str =
    "class Main { public static void main(String[] a) { System.getenv(\"PORT\"); } }";

#[test]
fn a_package_runs_by_the_manager_of_its_lock_file() {
    let package = ("apps/web/package.json", DEV);
    for (lock, command) in [
        ("README.md", "npm run dev"),
        ("package-lock.json", "npm run dev"),
        ("pnpm-lock.yaml", "pnpm run dev"),
        ("apps/web/yarn.lock", "yarn run dev"),
        ("bun.lockb", "bun run dev"),
    ] {
        check(&[package, (lock, "")], &[&format!("web apps/web: {command} (reloads)")]);
    }
}

#[test]
fn a_script_that_does_not_reload_is_built_and_started() {
    let scripts = |scripts: &str| format!(r#"{{ "name": "a", "scripts": {{ {scripts} }} }}"#);
    for (given, expected) in [
        (
            r#""build": "tsc", "start": "node .", "dev": "tsc && node .""#,
            "npm run build => npm start",
        ),
        (r#""build": "tsc", "start": "node .", "dev": "tsx watch .""#, "npm run dev (reloads)"),
        (r#""dev": "tsc && node .""#, "npm run dev"),
        (r#""start": "node .""#, "npm start"),
        (r#""dev": "next dev -p 3001""#, "npm run dev (reloads) :3001"),
        (r#""dev": "vite""#, "npm run dev -- --port $PORT --strictPort --host 127.0.0.1 (reloads)"),
    ] {
        check(&[("a/package.json", &scripts(given))], &[&format!("a a: {expected}")]);
    }
}

#[test]
fn the_scripts_of_a_workspace_and_of_a_library_start_nothing() {
    let root = r#"{ "name": "shop", "workspaces": ["*"], "scripts": { "dev": "node all.js" } }"#;
    let library = r#"{ "name": "lib", "scripts": { "dev": "tsc --watch", "build": "tsc" } }"#;
    let plain = r#"{ "name": "shop", "scripts": { "dev": "node all.js" } }"#;
    check(&[("package.json", root), ("lib/package.json", library)], &[]);
    for marker in ["pnpm-workspace.yaml", "nx.json", "turbo.json", "go.work"] {
        check(&[("package.json", plain), (marker, "")], &[]);
    }
    let all = r#"{ "scripts": { "dev": "concurrently 'npm:dev:*'", "start": "turbo start" } }"#;
    check(&[("package.json", all)], &[]);
    check(&[("package.json", plain)], &["shop : npm run dev"]);
}

#[test]
fn an_nx_project_is_served_by_nx() {
    let project =
        r#"{ "name": "web", "targets": { "serve": { "executor": "@nx/vite:dev-server" } } }"#;
    let package = ("apps/web/package.json", r#"{ "scripts": { "dev": "vite" } }"#);
    check(
        &[("apps/web/project.json", project), package, ("nx.json", "{}"), ("pnpm-lock.yaml", "")],
        &["web apps/web: pnpm exec nx run web:serve --port=$PORT (reloads)"],
    );
    check(&[("lib/project.json", r#"{ "name": "lib", "targets": { "build": {} } }"#)], &[]);
    check(&[("lib/project.json", r#"{ "name": "$(x)", "targets": { "dev": {} } }"#)], &[]);
}

#[test]
fn go_programs_that_listen_are_services() {
    let build = |package: &str| {
        format!(
            "go build -o \"$TRUNKLINE_BUILD/service\" {package} => \"$TRUNKLINE_BUILD/service\""
        )
    };
    let module = ("orders/go.mod", "module example.com/orders\n");
    let one = format!("orders orders: {}", build("."));
    check(&[module, ("orders/main.go", GO_MAIN)], &[&one]);
    let one = format!("orders orders: {}", build("./cmd/server"));
    check(&[module, ("orders/cmd/server/main.go", GO_MAIN)], &[&one]);
    check(
        &[
            ("go.mod", "module example.com/shop/v2\n"),
            ("cmd/api/main.go", GO_MAIN),
            ("cmd/worker/run.go", GO_MAIN),
            ("tools/gen/main.go", GO_TOOL),
            ("lib/lib.go", "package lib\n"),
        ],
        &[&format!("api : {}", build("./cmd/api")), &format!("worker : {}", build("./cmd/worker"))],
    );
    check(&[module, ("orders/lib.go", "package orders\n/* package main func main() { */")], &[]);
    // A name that a shell would understand is no name for a command line.
    check(&[module, ("orders/cmd/a$(touch b)/main.go", GO_MAIN)], &[]);
    check(&[module, ("orders/a.go", &format!("//go:build ignore\n{GO_MAIN}"))], &[]);
}

#[test]
fn cargo_programs_that_listen_are_services() {
    let manifest = "[package]\nname = \"shop-orders\"\n";
    check(
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"orders\", \"lib\"]\n"),
            ("orders/Cargo.toml", manifest),
            ("orders/src/main.rs", RUST_MAIN),
            ("lib/Cargo.toml", "[package]\nname = \"lib\"\n"),
            ("lib/src/lib.rs", RUST_MAIN),
        ],
        &["orders orders: cargo build --quiet => cargo run --quiet"],
    );
    let rocket = "[package]\nname = \"r\"\n[dependencies]\nrocket = \"0.5\"\n";
    check(
        &[("r/Cargo.toml", rocket), ("r/src/main.rs", "fn main() {}")],
        &[
            "r r: cargo build --quiet => ROCKET_PORT=$PORT ROCKET_ADDRESS=127.0.0.1 cargo run --quiet",
        ],
    );
    let chosen = "[package]\nname = \"o\"\ndefault-run = \"o\"\n[[bin]]\nname = \"tool\"\npath = \"src/tool.rs\"\n";
    check(
        &[("o/Cargo.toml", chosen), ("o/src/main.rs", RUST_MAIN), ("o/src/tool.rs", "")],
        &["o o: cargo build --quiet => cargo run --quiet"],
    );
}

#[test]
fn jvm_builds_with_a_known_plugin_are_services() {
    let pom = |plugin: &str| {
        format!(
            "<project><parent><artifactId>p</artifactId></parent><artifactId>shop-pay</artifactId><build>{plugin}</build></project>"
        )
    };
    let spring = pom(
        "<artifactId>spring-boot-maven-plugin</artifactId><artifactId>spring-boot-starter-actuator</artifactId>",
    );
    check(
        &[("pay/pom.xml", &spring), ("mvnw", "")],
        &[
            "pay pay: ../mvnw -q compile => SERVER_PORT=$PORT ../mvnw -q spring-boot:run /actuator/health",
        ],
    );
    check(
        &[("pay/pom.xml", &pom("quarkus-maven-plugin"))],
        &["pay pay: QUARKUS_HTTP_PORT=$PORT mvn -q quarkus:dev (reloads)"],
    );
    check(&[("pay/pom.xml", &pom("<!-- spring-boot-maven-plugin -->"))], &[]);
    let parent = "<project><packaging>pom</packaging>spring-boot-maven-plugin</project>";
    check(&[("pom.xml", parent)], &[]);
    check(
        &[("pay/build.gradle.kts", "plugins { id(\"org.springframework.boot\") version \"3\" }")],
        &["pay pay: gradle -q classes => SERVER_PORT=$PORT gradle -q bootRun"],
    );
    let unused = "plugins { id 'org.springframework.boot' version '3' apply false }";
    check(&[("build.gradle", unused)], &[]);
    check(&[("build.gradle", "// id 'org.springframework.boot'")], &[]);
}

#[test]
fn plain_java_runs_by_its_one_main_class() {
    check(&[("pdf/Main.java", JAVA_MAIN)], &["pdf pdf: java Main.java"]);
    let main = format!("package pdf;\n{JAVA_MAIN}");
    let two = format!("// public static void main(\nclass Page {{}} /* {JAVA_MAIN} */");
    check(
        &[
            ("pdf/src/pdf/Main.java", &main),
            ("pdf/src/pdf/Page.java", &format!("package pdf;\n{two}")),
            ("pdf/test/pdf/MainTest.java", &main),
        ],
        &["pdf pdf: javac -d \"$TRUNKLINE_BUILD\" -sourcepath src src/pdf/Main.java \
           => java -cp \"$TRUNKLINE_BUILD:src\" pdf.Main"],
    );
    check(&[("pdf/A.java", JAVA_MAIN), ("pdf/B.java", JAVA_MAIN)], &[]);
    check(&[("pdf/src/Main.java", JAVA_MAIN), ("pom.xml", "<project/>")], &[]);
}

#[test]
fn python_applications_run_by_their_framework() {
    let app = "from fastapi import FastAPI\napp = FastAPI()\n";
    check(
        &[("ai/requirements.txt", "fastapi[all]>=0.1\n"), ("ai/main.py", app)],
        &["ai ai: python3 -m uvicorn --host 127.0.0.1 --port $PORT --reload main:app (reloads)"],
    );
    let project = "[project]\nname = \"acme-ai\"\ndependencies = [\"Flask>=3\"]\n";
    check(
        &[
            ("ai/pyproject.toml", project),
            ("ai/uv.lock", ""),
            ("ai/ai/__init__.py", ""),
            ("ai/ai/app.py", "app: Flask = Flask(__name__)\n"),
        ],
        &["ai ai: uv run flask --app ai.app run --debug --host 127.0.0.1 --port $PORT (reloads)"],
    );
    check(
        &[("ai/manage.py", "os.environ['DJANGO'] = ''; import django")],
        &["ai ai: python3 manage.py runserver 127.0.0.1:$PORT (reloads)"],
    );
    let program = "port = os.environ['PORT']\nif __name__ == \"__main__\":\n    main()\n";
    let plain = "[project]\nname = \"ai\"\n";
    check(
        &[("ai/pyproject.toml", plain), ("ai/server.py", program)],
        &["ai ai: python3 server.py"],
    );
    check(
        &[("ai/pyproject.toml", plain), ("ai/src/ai/__main__.py", program)],
        &["ai ai: PYTHONPATH=src python3 -m ai"],
    );
    check(&[("ai/server.py", program)], &[]);
    check(&[("ai/pyproject.toml", "[tool.black]\n"), ("ai/server.py", program)], &[]);
}

#[test]
fn applications_of_other_languages_are_known_by_their_files() {
    check(
        &[("a/Shop.Api.csproj", "<Project Sdk=\"Microsoft.NET.Sdk.Web\">")],
        &["shop-api a: ASPNETCORE_HTTP_PORTS=$PORT dotnet watch run --no-launch-profile (reloads)"],
    );
    check(&[("a/Lib.csproj", "<Project Sdk=\"Microsoft.NET.Sdk\">")], &[]);
    check(
        &[("a/Gemfile", "gem \"rails\"\n"), ("a/config.ru", "")],
        &["a a: bundle exec rails server -b 127.0.0.1 -p $PORT (reloads)"],
    );
    check(
        &[("a/composer.json", "{}"), ("a/artisan", "")],
        &["a a: php artisan serve --host=127.0.0.1 --port=$PORT (reloads)"],
    );
    check(&[("a/mix.exs", "{:phoenix, \"~> 1\"}")], &["a a: mix phx.server (reloads)"]);
    check(&[("a/mix.exs", "{:jason, \"~> 1\"}")], &[]);
}

#[test]
fn calls_and_health_are_read_from_sources() {
    let source = "fetch(process.env.ORDERS_URL);\n// PAYMENTS_URL\nget('/health')";
    check(
        &[
            ("web/package.json", DEV),
            ("web/a.ts", source),
            ("web/a.test.ts", "PAYMENTS_URL"),
            ("orders/go.mod", ""),
            ("orders/main.go", GO_MAIN),
            ("payments/go.mod", ""),
            ("payments/main.go", &format!("{GO_MAIN}\nvar a = \"GET /healthz\"")),
        ],
        &[
            "orders orders: go build -o \"$TRUNKLINE_BUILD/service\" . => \"$TRUNKLINE_BUILD/service\"",
            "payments payments: go build -o \"$TRUNKLINE_BUILD/service\" . => \"$TRUNKLINE_BUILD/service\" /healthz",
            "web web: npm run dev (reloads) /health ->orders",
        ],
    );
}

#[test]
fn a_package_is_followed_into_the_libraries_of_its_project() {
    let web =
        r#"{ "scripts": { "dev": "node ." }, "dependencies": { "@acme/http": "*", "x": "1" } }"#;
    let orders = r#"{ "name": "orders-api", "scripts": { "dev": "node ." } }"#;
    let http = r#"{ "name": "@acme/http", "dependencies": { "@acme/base": "*" } }"#;
    let base = r#"{ "name": "@acme/base", "dependencies": { "@acme/http": "*" } }"#;
    check(
        &[
            ("web/package.json", web),
            ("web/a.ts", "callee(\"orders-api\")"),
            ("orders/package.json", orders),
            ("lib/http/package.json", http),
            ("lib/http/a.ts", "const variable = `${name}_URL`;"),
            ("lib/base/package.json", base),
            ("lib/base/a.ts", "route(\"/health\")"),
        ],
        &["orders-api orders: npm run dev", "web web: npm run dev /health ->orders-api"],
    );
}

#[test]
fn of_services_that_call_each_other_one_does_not_wait() {
    let folder = tree(&[
        ("a/package.json", r#"{ "scripts": { "dev": "node ." } }"#),
        ("a/a.js", "process.env.B_URL"),
        ("b/package.json", r#"{ "scripts": { "dev": "node ." } }"#),
        ("b/b.js", "process.env.A_URL"),
    ]);
    let found = look(folder.path());
    assert_eq!(lines(&found), ["a a: npm run dev ->b", "b b: npm run dev"]);
    assert!(whole_file(&found).contains("`a` as well"), "{}", whole_file(&found));
}

#[test]
fn what_is_not_clear_is_asked_and_not_started() {
    check_asked(
        &[("web/package.json", DEV), ("web/composer.json", ""), ("web/artisan", "")],
        "web can be run in several ways, so none was chosen:\
         \n  npm run dev  (web/package.json:1)\
         \n  php artisan serve --host=127.0.0.1 --port=$PORT  (web/artisan:1)",
    );
    let package = r#"{ "name": "api", "scripts": { "dev": "node ." } }"#;
    check_asked(
        &[("a/package.json", package), ("b/package.json", package)],
        "several services would be called `api`, so none was taken:\n  a\n  b",
    );
    check_asked(
        &[("a/go.mod", ""), ("a/main.go", GO_TOOL)],
        "a/main.go:3: package main may be a service, but nothing in it reads PORT, so it was left out",
    );
}

#[test]
fn an_answer_makes_a_service_of_a_question() {
    let folder = tree(&[("a/go.mod", ""), ("a/main.go", GO_TOOL)]);
    let found = look(folder.path());
    let [trunkline_local::discover::Question::Port(candidate)] = found.questions.as_slice() else {
        panic!("{:?}", found.questions);
    };
    let taken = vec![(candidate.clone(), Some(8080))];
    let choices = Choices { taken, ..Choices::default() };
    let found = discover_with(&folder.path().join("shop"), &choices).unwrap();
    assert!(found.questions.is_empty());
    assert_eq!(found.services[0].runs.port, Some(8080));
}

#[test]
fn other_projects_dependencies_and_test_data_are_not_looked_into() {
    let other = |path: &'static str| (path, DEV);
    check(
        &[
            other("node_modules/x/package.json"),
            other("vendor/x/package.json"),
            other("a/dist/package.json"),
            other("a/testdata/x/package.json"),
            other(".hidden/package.json"),
            other("other/package.json"),
            ("other/trunkline.yaml", "version: 1"),
            other("clone/deep/package.json"),
            ("clone/.git/HEAD", ""),
            other("1/2/3/4/5/6/7/8/9/10/11/package.json"),
        ],
        &[],
    );
}

#[test]
fn files_that_only_others_can_run_are_hints() {
    let folder = tree(&[
        ("a/Dockerfile", ""),
        ("compose.yaml", ""),
        ("web/package.json", DEV),
        ("web/Dockerfile", ""),
    ]);
    let found = look(folder.path());
    let hints: Vec<_> = found.hints.iter().map(|hint| hint.file.as_str()).collect();
    assert_eq!(hints, ["compose.yaml", "a/Dockerfile"]);
}

#[test]
fn git_says_what_is_ignored() {
    let folder = tree(&[
        ("build/api/package.json", DEV),
        ("made/package.json", DEV),
        (".gitignore", "/made/\n"),
    ]);
    let root = folder.path().join("shop");
    let git = std::process::Command::new("git").arg("-C").arg(&root).args(["init", "-q"]).status();
    assert!(git.unwrap().success());
    assert_eq!(lines(&look(folder.path())), ["web build/api: npm run dev (reloads)"]);
}

#[test]
fn the_front_is_the_service_of_pages() {
    let routed = |files: &[(&str, &str)]| {
        let folder = tree(files);
        let text = whole_file(&look(folder.path()));
        let line = text.lines().find(|line| line.starts_with("  - { match"));
        line.map(|line| line.rsplit("to: ").next().unwrap().trim_end_matches(" }").to_owned())
    };
    let named = |name: &str| format!(r#"{{ "name": "{name}", "scripts": {{ "dev": "node ." }} }}"#);
    let (web, admin, api) = (named("web-service"), named("admin"), named("api"));
    assert_eq!(
        routed(&[("1/package.json", &web), ("2/package.json", &admin)]).as_deref(),
        Some("web-service")
    );
    assert_eq!(
        routed(&[("1/package.json", &admin), ("1/index.html", ""), ("2/package.json", &api)])
            .as_deref(),
        Some("admin")
    );
    assert_eq!(routed(&[("1/package.json", &api)]).as_deref(), Some("api"));
    assert_eq!(routed(&[("1/package.json", &api), ("2/package.json", &admin)]), None);
}
