# SPDX-License-Identifier: Apache-2.0
"""JSON lines go into SQLite, and a report comes out; only the standard library."""

import collections
import json
import sqlite3

lines = [
    json.dumps({"id": i, "user": f"user {i % 300}", "tags": [f"tag{i % 7}", f"tag{i % 11}"]})
    for i in range(15_000)
]
database = sqlite3.connect(":memory:")
database.execute("create table events (id integer primary key, user text, tags text)")
for line in lines:
    event = json.loads(line)
    row = (event["id"], event["user"], " ".join(event["tags"]))
    database.execute("insert into events values (?, ?, ?)", row)
database.commit()
tags = collections.Counter()
for (text,) in database.execute("select tags from events"):
    tags.update(text.split())
users = dict(database.execute("select user, count(*) from events group by user"))
print(json.dumps({"tags": tags.most_common(3), "users": len(users)}))
database.close()
