// Asks for user and password. They are in no file; kept, if wished, in this tab's sessionStorage until it is closed.

import { el, field, sendButton, setText } from "./dom";

export interface Credentials {
  user: string;
  password: string;
}

/** MQTT 5 would allow a password alone (section 3.1.2.9); 3.1.1 does not, and MQTT.js sends none. */
function isNameless({ user, password }: Credentials): boolean {
  return user === "" && password !== "";
}

const KEY = "honeyframe ";

/** What this tab keeps for a broker. */
export class KeptCredentials {
  constructor(
    private readonly url: string,
    private readonly storage: () => Storage = () => window.sessionStorage,
  ) {}

  read(): Credentials | undefined {
    try {
      const found = JSON.parse(this.storage().getItem(KEY + this.url) ?? "null") as unknown;
      if (found === null || typeof found !== "object") return undefined;
      const { user, password } = found as Record<string, unknown>;
      return typeof user === "string" && typeof password === "string" && !isNameless({ user, password }) ? { user, password } : undefined;
    } catch {
      return undefined;
    }
  }

  keep(credentials: Credentials): void {
    try {
      this.storage().setItem(KEY + this.url, JSON.stringify(credentials));
    } catch {
      // A browser that stores nothing: it asks again.
    }
  }

  clear(): void {
    try {
      this.storage().removeItem(KEY + this.url);
    } catch {
      // As above.
    }
  }
}

export class LoginForm {
  readonly element: HTMLFormElement;
  private readonly user = el("input", { name: "user", autocomplete: "username", spellcheck: "false", autocapitalize: "none" });
  private readonly password = el("input", { name: "password", type: "password", autocomplete: "current-password" });
  private readonly keep = el("input", { type: "checkbox", name: "keep" });
  private readonly fault = el("p", { class: "outcome bad", role: "alert" });

  constructor(address: string, submit: (credentials: Credentials, keep: boolean) => void) {
    const keep = el("label", { class: "check" }, this.keep, "Keep until this tab is closed");
    this.element = el(
      "form",
      { class: "login", "aria-label": "Connect to the broker" },
      el("h2", {}, "Connect"),
      el("p", { class: "address" }, address),
      field("User name", this.user),
      field("Password", this.password),
      keep,
      this.fault,
    );
    const send = (): void => {
      const given = { user: this.user.value, password: this.password.value };
      const fault = isNameless(given) ? "A password needs a user name: this page cannot send it alone." : "";
      setText(this.fault, fault);
      if (fault) this.user.focus();
      else submit(given, this.keep.checked);
    };
    this.element.append(
      sendButton(this.element, "Connect", send, { class: "main" }),
      el("p", { class: "hint" }, "Goes to this broker alone. The file does not hold it. Leave both empty to connect without a user."),
    );
  }

  /** The password does not stay in the page's controls. */
  clear(): void {
    this.password.value = "";
  }

  focus(): void {
    (this.user.value === "" ? this.user : this.password).focus();
  }
}
