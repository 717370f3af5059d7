import { expect, test } from "vitest";
import { MessageLog } from "../../src/dashboard/message_log";
import { MOST_KEPT_BYTES } from "../../src/dashboard/payload";

function push(log: MessageLog, topic: string, size = 1): void {
  log.push({ topic, payload: new Uint8Array(size), qos: 0, retain: false, time: 0 });
}
const all = (): boolean => true;

test("bounded in messages, the newest first", () => {
  const log = new MessageLog(3, 1e9);
  for (let i = 0; i < 2000; ++i) push(log, String(i));
  expect(log.latest(10, all).map(({ topic }) => topic)).toEqual(["1999", "1998", "1997"]);
  expect(log.latest(10, all, 1998).map(({ id }) => id)).toEqual([2000, 1999]);
});

test("the first message of a connection is marked", () => {
  const log = new MessageLog();
  push(log, "a");
  log.tear();
  push(log, "b");
  push(log, "c");
  expect(log.latest(9, all).map(({ isFirst }) => isFirst)).toEqual([false, true, false]);
});

test("bounded in bytes; a large payload is kept shortened, its size is told", () => {
  const log = new MessageLog(1000, 200_000);
  for (let i = 0; i < 10; ++i) push(log, "a", 1_000_000);
  expect(log.length).toBe(3);
  expect(log.latest(1, all)[0]).toMatchObject({ size: 1_000_000 });
  expect(log.latest(1, all)[0]?.payload.length).toBe(MOST_KEPT_BYTES);
});
