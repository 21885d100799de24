// The page begins here.

import "@preact/signals";
import { render } from "preact";
import { App } from "./app";
import { follow } from "./live";
import { applyTheme } from "./theme";
import "./style/base.css";
import "./style/shell.css";
import "./style/fleet.css";
import "./style/list.css";
import "./style/application.css";

applyTheme();
follow();
const root = document.getElementById("app");
if (root) render(<App />, root);
