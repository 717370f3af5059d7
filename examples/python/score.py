"""MQTT -> features -> a model's score -> MQTT.

Every second, and for each line, the mean of what its machine says; a model that was fitted on its history says how unusual that is; the
score goes back to the broker as ``plant/{line}/score``.

    python score.py mqtts://<cluster>.s1.eu.hivemq.cloud history.jsonl
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd

import honeyframe as hf

FEATURES = ["speed", "load"]
TARGET = "temperature"


@dataclass(frozen=True)
class Model:
    """Least squares: what the temperature should be at this speed and load. Any model with a ``score`` takes its place."""

    weights: np.ndarray
    spread: float

    @classmethod
    def fit(cls, history: pd.DataFrame) -> Model:
        rows = history[[*FEATURES, TARGET]].dropna().astype("float64")
        inputs = np.column_stack([np.ones(len(rows)), rows[FEATURES]])
        weights = np.linalg.lstsq(inputs, rows[TARGET].to_numpy(), rcond=None)[0]
        return cls(weights, float(np.std(rows[TARGET] - inputs @ weights)) or 1.0)

    def score(self, rows: pd.DataFrame) -> pd.Series:
        """By how many standard deviations the temperature is off."""
        expected = self.weights[0] + rows[FEATURES].astype("float64") @ self.weights[1:]
        return (rows[TARGET].astype("float64") - expected).abs() / self.spread


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uri")
    parser.add_argument("history", help="JSON lines to fit the model on")
    parser.add_argument("--seconds", type=float, help="end after so long")
    given = parser.parse_args()

    model = Model.fit(hf.extract(given.history).to_pandas())
    with hf.connect(given.uri) as client:
        stream = client.stream("plant/{line}/telemetry", event_time="ts", retained="skip")
        print("scoring", flush=True)
        aligned = stream.align(every="1s", how="mean", by="line", columns=[*FEATURES, TARGET], lateness="2s", seconds=given.seconds)
        for wide in aligned:
            rows = wide.stack("line", future_stack=True).reset_index()
            rows = rows.dropna(subset=[*FEATURES, TARGET])  # a line that said nothing has no score
            if rows.empty:
                continue
            scored = rows[["line", "time"]].assign(score=model.score(rows).round(3))
            client.publish_many(scored, "plant/{line}/score")
        print(aligned.stats(), flush=True)


if __name__ == "__main__":
    main()
