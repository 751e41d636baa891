# SPDX-License-Identifier: Apache-2.0
import copy


class Team:
    def __init__(self, name, people):
        self.name = name
        self.people = people


team = Team("red", ["Ada", "Bob"])
alias = team
shallow = copy.copy(team)
deep = copy.deepcopy(team)
print("new objects:", alias is not team, shallow is not team, deep is not team)
print("new lists:", shallow.people is not team.people, deep.people is not team.people)

team.people.append("Cy")
team.name = "blue"
print("alias:  ", alias.name, alias.people)
print("shallow:", shallow.name, shallow.people)
print("deep:   ", deep.name, deep.people)

table = [[1], [2]]
for name, other in [("slice", table[:]), ("list()", list(table)), ("copy()", table.copy())]:
    print(name, "- outer shared:", other is table, "- inner shared:", other[0] is table[0])

pair = (1, 2)
print("a copy of a tuple is itself:", copy.copy(pair) is pair, tuple(pair) is pair)
print("of a text too:", copy.deepcopy("text") is "text"[:], "- of a list never:", table[:] is table)

ring = [1]
ring.append(ring)
twin = copy.deepcopy(ring)
print("a cycle is copied as a cycle:", twin[1] is twin)
shared = [0]
both = copy.deepcopy([shared, shared])
print("what was shared stays shared:", both[0] is both[1])
