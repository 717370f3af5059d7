import js from "@eslint/js";
import tseslint from "typescript-eslint";

// What a page shows comes from strangers: nothing may become markup or code.
const noMarkup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "write", "writeln"].map((name) => ({
  selector: `MemberExpression[property.name='${name}']`,
  message: "Use textContent and createElement: topics and payloads are hostile.",
}));

export default tseslint.config(
  { ignores: ["node_modules", "dist"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ["src/**/*.ts", "test/**/*.ts"],
    rules: {
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-restricted-syntax": ["error", ...noMarkup],
      "max-lines": ["error", 500],
      "@typescript-eslint/no-non-null-assertion": "error",
    },
  },
  { files: ["*.mjs"], languageOptions: { globals: { process: "readonly", console: "readonly" } } },
);
