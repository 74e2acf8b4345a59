"""The only module that hands clauses to the constraint solver (OR-tools CP-SAT).

What does not belong here: what the rules mean (`rules.py`), when to solve and how long (`solving.py`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml.rostering.clauses import Books, Clause, Does, Variable, Works, value_of
from ml.rostering.problem import Duty
from ml.rostering.roster import Roster

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

Group = tuple[str, str | None, tuple[int, ...]]
"""What can be argued about as one: a rule, for one person, or for one place and day."""


def group_of(clause: Clause) -> Group:
    """Return what a hard clause belongs to: a person's rule as a whole, cover by day and place (its sentence)."""
    if clause.person is not None:
        return clause.rule.name, clause.person, ()
    return f"{clause.rule.name}: {clause.sentence}", None, clause.days


@dataclass
class Model:
    """A solver's model and the variables in it. `guards` hold one literal per group where asked for."""

    cp: "cp_model.CpModel"
    variables: dict[Variable, Any] = field(default_factory=dict[Variable, Any])
    costs: list[tuple[int, Any]] = field(default_factory=list[tuple[int, Any]])
    guards: dict[Group, Any] = field(default_factory=dict[Group, Any])

    def variable(self, variable: Variable) -> Any:
        """Return the solver's variable of a decision."""
        known = self.variables.get(variable)
        if known is not None:
            return known
        if isinstance(variable, Does):
            made = self.cp.new_bool_var("")
        elif isinstance(variable, Books):
            made = self.cp.new_int_var(0, variable.most, "")
        else:
            made = self.cp.new_bool_var("")
            parts = [self.variable(one) for one in variable.of]
            if isinstance(variable, Works):
                self.cp.add(sum(parts) == made)
            else:
                self.cp.add_max_equality(made, parts)
        self.variables[variable] = made
        return made

    def total(self, terms: Iterable[tuple[int, Variable]]) -> Any:
        """Return a sum of the solver's variables."""
        from ortools.sat.python import cp_model

        pairs = [(weight, self.variable(variable)) for weight, variable in terms]
        return cp_model.LinearExpr.weighted_sum([one for _, one in pairs], [weight for weight, _ in pairs])

    def cost(self) -> Any:
        """Return the sum of what is paid for soft clauses."""
        from ortools.sat.python import cp_model

        return cp_model.LinearExpr.weighted_sum([one for _, one in self.costs], [weight for weight, _ in self.costs])

    def hint(self, roster: Roster) -> None:
        """Tell the solver where to begin."""
        self.cp.clear_hints()
        for variable, made in self.variables.items():
            self.cp.add_hint(made, value_of(variable, roster))

    def roster(self, value: "Callable[[Any], int]") -> Roster:
        """Return the roster of a solution."""
        duties: dict[tuple[str, int], Duty] = {}
        agency: dict[tuple[int, Duty], int] = {}
        for variable, made in self.variables.items():
            if isinstance(variable, Does) and value(made):
                duties[variable.person, variable.day] = variable.duty
            elif isinstance(variable, Books) and value(made):
                agency[variable.day, variable.duty] = value(made)
        return Roster(duties, agency)


def build(clauses: Iterable[Clause], *, guarded: bool = False, soft: bool = True) -> Model:
    """Return the model of the clauses. `guarded`: each hard group may be switched off, for explaining a conflict."""
    from ortools.sat.python import cp_model

    model, paired = Model(cp_model.CpModel()), dict[_Pair, Any]()
    for clause in clauses:
        if clause.weight is None and clause.waiver is None:
            _add_hard(model, clause, guarded)
        elif clause.weight and soft:
            _add_soft(model, clause, paired)
    return model


def _add_hard(model: Model, clause: Clause, guarded: bool) -> None:
    constraint = _as_literals(model, clause) or model.cp.add(model.total(clause.terms) <= clause.at_most)
    if guarded and not clause.is_fact:
        group = group_of(clause)
        if group not in model.guards:
            model.guards[group] = model.cp.new_bool_var("")
        constraint.only_enforce_if(model.guards[group])


def _as_literals(model: Model, clause: Clause) -> Any:
    """Add a clause that forbids one combination of yes and no as such: it propagates better than a sum. Else None."""
    if any(abs(weight) != 1 or isinstance(variable, Books) for weight, variable in clause.terms):
        return None
    if sum(weight > 0 for weight, _ in clause.terms) - clause.at_most != 1:
        return None
    literals = [(weight, model.variable(variable)) for weight, variable in clause.terms]
    return model.cp.add_bool_or([~literal if weight > 0 else literal for weight, literal in literals])


_Pair = tuple[frozenset[tuple[int, Variable]], int]


def _add_soft(model: Model, clause: Clause, paired: dict[_Pair, Any]) -> None:
    """Let a clause be exceeded at a cost. One yes/no decision needs no slack of its own, and a clause and its opposite
    (too few, too many) share one equation, which is the stronger relaxation."""
    weight = clause.weight or 0
    if len(clause.terms) == 1 and clause.at_most == 0 and clause.per == 1 and clause.terms[0][0] == 1:
        model.costs.append((weight, model.variable(clause.terms[0][1])))
        return
    largest = sum(max(0, one) * _most(variable) for one, variable in clause.terms) - clause.at_most
    slack = model.cp.new_int_var(0, max(0, -(-largest // clause.per)), "")
    opposite = (frozenset((-one, variable) for one, variable in clause.terms), -clause.at_most)
    if clause.per == 1 and opposite in paired:
        model.cp.add(model.total(clause.terms) - slack + paired[opposite] == clause.at_most)
    else:
        model.cp.add(model.total(clause.terms) - clause.per * slack <= clause.at_most)
    if clause.per == 1:
        paired[frozenset(clause.terms), clause.at_most] = slack
    model.costs.append((weight, slack))


def _most(variable: Variable) -> int:
    return variable.most if isinstance(variable, Books) else 1
