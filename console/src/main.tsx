// The first thing that runs: theme, router, live stream, page.
import { render } from "preact";
import { startLive } from "./api/live";
import { App } from "./app";
import { startRouter } from "./router";
import { startTheme } from "./theme";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/shell.css";
import "./styles/pages.css";
import "./styles/resilience.css";
import "./styles/graph.css";
import "./styles/trace.css";
import "./styles/traces.css";
import "./styles/analysis.css";

startTheme();
startRouter();
startLive();
const root = document.getElementById("console");
if (root) render(<App />, root);
