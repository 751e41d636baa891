# SPDX-License-Identifier: Apache-2.0
"""A monthly report with pandas: read, group, merge, write, a few times."""

import io

import numpy as np
import pandas as pd

random = np.random.default_rng(7)
ORDERS = 50_000
customers = pd.DataFrame({"customer": range(2000), "city": [f"city {i % 40}" for i in range(2000)]})

for month in range(6):
    orders = pd.DataFrame(
        {
            "customer": random.integers(0, 2000, ORDERS),
            "amount": random.normal(40, 9, ORDERS).round(2),
            "note": [f"note {i % 97}" for i in range(ORDERS)],
        }
    )
    merged = orders.merge(customers, on="customer")
    by_city = merged.groupby("city")["amount"].agg(["sum", "mean", "count"])
    text = merged.head(5000).to_csv(index=False)
    again = pd.read_csv(io.StringIO(text))
    print(month, round(by_city["sum"].sum()), len(again), merged["note"].nunique())
