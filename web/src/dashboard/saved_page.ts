// The text of a file like the one that this page came from: the same script, styles and policy, other settings and history. It is the twin
// of honeyframe's dashboard_page.py; a test holds the two together.

export interface PageParts {
  title: string;
  policy: string;
  style: string;
  script: string;
  /** JSON. */
  settings: string;
  /** Base64. */
  history: string;
}

export function pageText({ title, policy, style, script, settings, history }: PageParts): string {
  if (!/^[A-Za-z0-9+/=]*$/.test(history)) throw new Error("a history is base64");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="honeyframe dashboard, by page">
<meta http-equiv="Content-Security-Policy" content="${attribute(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${text(title)}</title>
<style>${style}</style>
</head>
<body>
<noscript>This dashboard is a program in JavaScript, which is switched off here.</noscript>
<div id="honeyframe"></div>
<script type="application/json" id="honeyframe-settings">${jsonForScript(settings)}</script>
<script>${script}</script>
<script type="text/plain" id="honeyframe-history">${history}</script>
</body>
</html>
`;
}

/** JSON that can stand in a <script>: nothing in it ends the element, begins another, or ends a line where none ends. */
export function jsonForScript(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`).replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "?");
}

function text(given: string): string {
  return given.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function attribute(given: string): string {
  return text(given).replaceAll('"', "&quot;").replaceAll("'", "&#x27;");
}

/** The parts of the page that is open, as they were in its file. Throws where one is missing: then it is no file of ours. */
export function partsOf(document: Document): Pick<PageParts, "policy" | "style" | "script"> {
  const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute("content");
  const style = document.querySelector("head > style")?.textContent;
  const script = document.querySelector("body > script:not([type])")?.textContent;
  if (!policy || !style || !script) throw new Error("this page has lost a part of itself and cannot be copied");
  return { policy, style, script };
}
