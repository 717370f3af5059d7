// What a broker's no means, and what to do about it: reason codes of MQTT 5 (section 2.4), return codes of 3.1.1 (section 3.2.2.3).

import mqtt from "mqtt";

export interface Trouble {
  what: string;
  /** What to do; may be empty. */
  todo: string;
}

const NAMES: Record<number, string | undefined> = mqtt.ReasonCodes;

/** `not authorized (135)`, and what the broker wrote beside it. */
export function reason(code: number, told = ""): string {
  const name = (NAMES[code] || "reason").toLowerCase().replace("qos", "QoS");
  return `${name} (${code})${told && told.toLowerCase() !== name.toLowerCase() ? `: ${told}` : ""}`;
}

const CREDENTIALS = new Set([4, 5, 134, 135, 140]);
const QUOTA = new Set([147, 150, 151, 159]);
const PASSING = new Set([3, 136, 137, 139, 149, 141, 156, 157, 160]);
export const OTHER_PROTOCOL = new Set([1, 132]);

/** Whether trying again, unchanged, can help. */
export function isPassing(code: number): boolean {
  return PASSING.has(code) || QUOTA.has(code);
}

/** CONNACK: the broker did not let us in. */
export function connectRefused(code: number, told: string, cloud: boolean, hasUser: boolean): Trouble {
  const what = `The broker refused the connection: ${reason(code, told)}.`;
  if (CREDENTIALS.has(code)) {
    const where = cloud ? " HiveMQ Cloud: console, your cluster, Access Management; it has the user names, and makes new credentials." : "";
    const first = hasUser ? "Check user name and password; both tell small letters from capitals." : "It wants a user name and a password.";
    return { what, todo: first + where };
  }
  if (QUOTA.has(code)) {
    return { what, todo: `The plan's connections or traffic may be used up.${cloud ? " HiveMQ Cloud's free plan has 100 connections and 10 GB a month: console, your cluster, Overview." : ""} It is tried again.` };
  }
  if (code === 138) return { what, todo: "The broker has banned this client; its administrator knows why." };
  return { what, todo: isPassing(code) ? "It is tried again." : "" };
}

/** DISCONNECT: the broker ended a connection that had been made. */
export function disconnected(code: number, told: string): Trouble {
  const what = code === 0 ? "The broker ended the connection." : `The broker ended the connection: ${reason(code, told)}.`;
  if (code === 142) return { what, todo: "Another client came with this page's client id. Connect again to take it back." };
  if (QUOTA.has(code)) return { what, todo: "The plan's limits may be used up. It is tried again." };
  return { what, todo: "" };
}

/** SUBACK. */
export function subscribeRefused(filter: string, code: number, told: string): Trouble {
  const todo = code === 135 || code === 128 ? "This credential may not read that. Name topics that it may read, under “Subscribed”." : "Name other topics under “Subscribed”.";
  return { what: `The broker refused the subscription to ${filter}: ${reason(code, told)}.`, todo };
}

/** PUBACK, PUBREC. */
export function publishRefused(topic: string, code: number, told: string): Trouble {
  const todo = code === 135 ? "This credential may not publish there." : "";
  return { what: `The broker refused the message to ${topic}: ${reason(code, told)}.`, todo };
}

/** No WebSocket came about. A browser does not say why: not whether nobody answered, or a certificate was not trusted. */
export function unreachable(url: string, guessed: boolean, everConnected: boolean): Trouble {
  const address = new URL(url);
  const place = address.host;
  if (everConnected) return { what: `The broker at ${place} does not answer.`, todo: "It may be restarting, or the network is down." };
  const secure = address.protocol === "wss:";
  const certificate = secure
    ? ` If its certificate is one that this browser does not know, trust it first: open https://${place}/ in a new tab, read what the browser says, accept it if it is yours, and come back. `
    : " ";
  const guess = guessed ? `The address ${url} was guessed from the client's: pass websocket_url= to client.dashboard() if the broker listens elsewhere.` : "";
  return {
    what: `No connection to ${place}. A browser does not tell the reason: nobody listens there, the network is down, or the certificate was not trusted.`,
    todo: `Check that the broker is up and listens for WebSockets there.${certificate}${guess}`.trim(),
  };
}
