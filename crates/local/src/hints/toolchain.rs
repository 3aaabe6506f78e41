//! Programs that people lack, and where they come from.

/// A program, what it belongs to, and one line that brings it.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("node", "Node.js", "https://nodejs.org, or `mise use node@lts`"),
    ("npm", "Node.js", "https://nodejs.org, or `mise use node@lts`"),
    ("npx", "Node.js", "https://nodejs.org, or `mise use node@lts`"),
    ("pnpm", "pnpm", "`corepack enable pnpm`"),
    ("yarn", "Yarn", "`corepack enable yarn`"),
    ("bun", "Bun", "https://bun.sh"),
    ("deno", "Deno", "https://deno.com"),
    ("go", "Go", "https://go.dev/dl"),
    ("air", "air", "`go install github.com/air-verse/air@latest`"),
    ("cargo", "Rust", "https://rustup.rs"),
    ("python", "Python", "https://www.python.org, or `mise use python`"),
    ("python3", "Python", "https://www.python.org, or `mise use python`"),
    ("uv", "uv", "https://docs.astral.sh/uv"),
    ("poetry", "Poetry", "`pipx install poetry`"),
    ("java", "Java", "https://adoptium.net"),
    ("mvn", "Maven", "https://maven.apache.org, or use the project's `./mvnw`"),
    ("gradle", "Gradle", "https://gradle.org, or use the project's `./gradlew`"),
    ("dotnet", ".NET", "https://dotnet.microsoft.com"),
    ("ruby", "Ruby", "https://www.ruby-lang.org"),
    ("bundle", "Bundler", "`gem install bundler`"),
    ("php", "PHP", "https://www.php.net"),
    ("mix", "Elixir", "https://elixir-lang.org"),
    ("docker", "Docker", "https://docs.docker.com/get-docker"),
    ("make", "make", "your system's package manager"),
];

/// What a program belongs to, and where it comes from.
pub(super) fn source(program: &str) -> Option<(&'static str, &'static str)> {
    PROGRAMS.iter().find(|row| row.0 == program).map(|row| (row.1, row.2))
}
