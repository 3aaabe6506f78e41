//! Hints for what tools really print; the lines are quoted from Node.js 20, Python 3.11, Go 1.26,
//! Java 17, dash, bash, npm, cargo and Spring Boot.

use std::path::PathBuf;

use super::*;

struct Case {
    folder: tempfile::TempDir,
    command: &'static str,
    held: &'static [u16],
}

impl Case {
    fn of(command: &'static str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), command, held: &[] }
    }

    fn with(self, file: &str) -> Self {
        std::fs::write(self.folder.path().join(file), "").unwrap();
        self
    }

    fn held(mut self, held: &'static [u16]) -> Self {
        self.held = held;
        self
    }

    #[track_caller]
    fn says(&self, output: &str, expected: &str) {
        let lines: Vec<String> = output.lines().map(str::to_owned).collect();
        let found = find(&Trouble {
            lines: &lines,
            command: self.command,
            directory: self.folder.path(),
            language: None,
            port: 24_001,
            holder: &|port| {
                self.held.contains(&port).then(|| Holder { pid: 4121, name: "java".into() })
            },
        });
        let found = found.unwrap_or_default();
        let name =
            PathBuf::from(self.folder.path()).file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(found.replace(&name, "FOLDER"), expected, "{output}");
    }
}

#[test]
fn a_taken_address_is_told_with_its_holder() {
    let node = "node:events:502\n      throw er; // Unhandled 'error' event\n      ^\n\nError: listen EADDRINUSE: address already in use 127.0.0.1:8080\n    at Server.setupListenHandle [as _listen2] (node:net:1908:16)";
    Case::of("npm run dev").held(&[8080]).says(node, "it listens on fixed port 8080, held by pid 4121 (java); listen on `process.env.PORT` to use 24001, which is free");
    let go = "2026/11/25 22:35:04 listen tcp 127.0.0.1:24001: bind: address already in use\nexit status 1";
    Case::of("go run .")
        .held(&[24_001])
        .says(go, "port 24001 is held by pid 4121 (java); end it with `kill 4121`");
    let python =
        "    self.socket.bind(self.server_address)\nOSError: [Errno 98] Address already in use";
    Case::of("python3 app.py").says(python, "it listens on another port than its `PORT`, 24001, which is free: pass `--port $PORT`, or listen on `os.environ[\"PORT\"]`");
    let java = "Exception in thread \"main\" java.net.BindException: Address already in use\n\tat java.base/sun.nio.ch.Net.bind0(Native Method)\n\tat java.base/sun.nio.ch.Net.bind(Net.java:555)";
    Case::of("java Main.java").says(java, "it listens on another port than its `PORT`, 24001, which is free: use `server.port=${PORT}`");
    let spring = "APPLICATION FAILED TO START\n\nDescription:\n\nWeb server failed to start. Port 8080 was already in use.";
    Case::of("./mvnw spring-boot:run").held(&[8080]).says(spring, "it listens on fixed port 8080, held by pid 4121 (java); use `server.port=${PORT}` to use 24001, which is free");
}

#[test]
fn a_low_port_is_told() {
    let node = "Error: listen EACCES: permission denied 0.0.0.0:80";
    Case::of("node server.js").says(
        node,
        "ports below 1024 such as 80 need rights it does not have; listen on `process.env.PORT`",
    );
}

#[test]
fn a_missing_program_is_told_with_where_it_comes_from() {
    Case::of("pnpm dev").says(
        "sh: 1: pnpm: not found",
        "`pnpm` is not on PATH; pnpm comes from `corepack enable pnpm`",
    );
    Case::of("uv run x").says(
        "bash: line 1: uv: command not found",
        "`uv` is not on PATH; uv comes from https://docs.astral.sh/uv",
    );
    let npm = "> dev\n> vite --port 1\n\nsh: 1: vite: not found";
    Case::of("npm run dev")
        .with("package-lock.json")
        .says(npm, "`vite` comes with the packages: run `npm ci` in FOLDER");
    Case::of("./nope.sh").says(
        "/bin/sh: 1: ./nope.sh: not found",
        "there is no `./nope.sh` in FOLDER; check its `command` and `path`",
    );
    Case::of("frobnicate").says(
        "sh: 1: frobnicate: not found",
        "`frobnicate` is not on PATH; install it, or write its whole path in `command`",
    );
}

#[test]
fn a_missing_package_is_told_with_the_line_that_brings_it() {
    let node = "node:internal/modules/cjs/loader:1210\n  throw err;\n  ^\n\nError: Cannot find module 'express'\nRequire stack:\n- /shop/m.js";
    Case::of("node m.js")
        .with("pnpm-lock.yaml")
        .says(node, "`express` is not installed: run `pnpm install` in FOLDER");
    let esm =
        "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'express' imported from /shop/m.mjs";
    Case::of("node m.mjs").says(esm, "`express` is not installed: run `npm install` in FOLDER");
    Case::of("node dist/main.js").says(
        "Error: Cannot find module '/shop/dist/main.js'",
        "there is no file /shop/dist/main.js; check its `command`, or build it first",
    );
    let python = "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\nModuleNotFoundError: No module named 'flask.cli'";
    Case::of("python3 app.py")
        .with("requirements.txt")
        .says(python, "`flask` is not installed: run `pip install -r requirements.txt` in FOLDER");
    Case::of("python3 -m uvicorn").says(
        "/usr/bin/python3: No module named uvicorn",
        "`uvicorn` is not installed: run `pip install uvicorn` in FOLDER",
    );
    let go = "main.go:2:8: no required module provides package github.com/gorilla/mux; to add it:\n\tgo get github.com/gorilla/mux";
    Case::of("go run .").says(go, "run `go get github.com/gorilla/mux` in FOLDER");
}

#[test]
fn a_file_that_may_not_be_run_is_told() {
    Case::of("./run.sh")
        .says("/bin/sh: 1: ./run.sh: Permission denied", "run `chmod +x ./run.sh` in FOLDER");
}

#[test]
fn a_variable_that_is_not_set_is_told() {
    let set =
        |name: &str| format!("give it the variable: `env: {{ {name}: … }}` in trunkline.yaml");
    Case::of("python3 a.py").says(
        "  File \"<frozen os>\", line 679, in __getitem__\nKeyError: 'API_TOKEN'",
        &set("API_TOKEN"),
    );
    Case::of("node a.js").says(
        "Error: DATABASE_URL is not set\n    at [eval]:1:37",
        &format!("{}; of another service: name it in `calls`", set("DATABASE_URL")),
    );
    Case::of("go run .").says("FATAL required key SMTP_HOST missing value", &set("SMTP_HOST"));
}

#[test]
fn an_old_toolchain_is_told() {
    let go = "go: go.mod requires go >= 1.99 (running go 1.26.8; GOTOOLCHAIN=local)";
    Case::of("go run .").says(go, "this is Go 1.26.8, the project needs 1.99: https://go.dev/dl");
    let rust = "error: rustc 1.95.0 is not supported by the following package:\n  c@0.1.0 requires rustc 1.999";
    Case::of("cargo run").says(rust, "the project needs Rust 1.999: run `rustup update`");
    let java = "java.lang.UnsupportedClassVersionError: Main has been compiled by a more recent version of the Java Runtime (class file version 65.0), this version of the Java Runtime only recognizes class file versions up to 61.0";
    Case::of("java -jar a.jar").says(
        java,
        "this is Java 17; it was built for Java 21: set JAVA_HOME to one that is as new",
    );
}

#[test]
fn a_server_that_does_not_run_is_told_and_one_that_does_is_not() {
    let node = "Error: connect ECONNREFUSED 127.0.0.1:5432";
    Case::of("node a.js")
        .says(node, "nothing listens on port 5432, where PostgreSQL usually is: start it first");
    Case::of("node a.js").held(&[5432]).says(node, "");
}

#[test]
fn ordinary_lines_say_nothing() {
    Case::of("node a.js")
        .says("listening on 127.0.0.1:3000\nGET / 200 3ms\nError: boom\n    at a.js:1:1", "");
}
