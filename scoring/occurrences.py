"""What counts as one screen act: several browser, key and clipboard events that make one occurrence. Pure: acts in, occurrences out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from basics.readings import ScreenAct
from basics.texts import _

TOGETHER = 1.0  # s; the default of the setting ACT_TOGETHER_S
BLUR_LEAST = 1.0  # s; the default of the setting BLUR_MIN_S
_EDGE = 1e-6  # s; a difference of exactly `together` is together, whatever the float's last bit says

LEAVES: dict[str, str] = {
    "tab_hidden": _("the exam's tab was hidden"),
    "window_blur": _("the exam's window lost the focus"),
    "alt_tab": "Alt+Tab",
    "tab_switch": _("the tab was switched"),
}
WHOLE = ("alt_tab", "tab_switch")  # complete in themselves: each is one leaving, whether or not a browser says more about it
RETURNS = ("tab_visible", "window_focus")
CONTROLS, ELSEWHERE, UNCLEAR = "browser", "elsewhere", "unclear"  # where the focus went, in the detail of a page's window_blur
DIALOG = "dialog"  # the detail of a tab_hidden: the page is covered by what may be its own dialog, as one that chooses a file
UNPROVEN = "unproven"  # the detail of a window_focus: the page could not watch for how long the focus was away
COPIES: dict[str, str] = {"copy": _("copy"), "cut": _("cut"), "paste": _("paste")}
CLIPBOARD_DETAIL = _("clipboard changed")
DROPPED = "dropped"  # the detail of a paste by dragging
DROPPED_DETAIL = _("text dragged in")
EXAM_PAGE = "exam_page"  # whose word an act is: the exam's page of another site, which is believed no further than that it says so
TOLD: dict[str, str] = {
    "tab_hidden": _("the exam's page says: its tab was hidden"),
    "window_blur": _("the exam's page says: its window lost the focus"),
    "copy": _("the exam's page says: copy"),
    "cut": _("the exam's page says: cut"),
    "paste": _("the exam's page says: paste"),
    DROPPED: _("the exam's page says: text dragged in"),
}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One thing that scores: leaving the exam, or a copy, cut, paste or change of the clipboard. `ids` are the acts that show it, in order."""

    kind: Literal["tab_switch", "copy_paste"]
    at: float
    ids: tuple[str, ...]
    detail: str


def occurrences(acts: Iterable[ScreenAct], together: float = TOGETHER, blur_least: float = BLUR_LEAST) -> list[Occurrence]:
    """The occurrences in `acts`, by time. The order of `acts` does not matter, and an act given twice counts once.

    `together` is how many seconds apart events of one cause may arrive: a browser sends blur and hidden apart, a copy changes the clipboard
    a little later. `blur_least` is for how many seconds the focus must be away to be leaving by itself.

    Focus: a blur whose detail says where the focus went is leaving from when that is certain: with the `window_away` that says that it lasts,
    with a return from elsewhere that took as long (unless the page says that it could not watch it), or with the tab hidden. Focus in the
    browser's own controls, or back sooner, never is. A blur without such a detail, of a page that knows none, is leaving at once.
    A page that is covered by what may be its own dialog is not left.

    Leaving: a stretch away starts with the first leaving event and ends when the tab is visible or the window has the focus again. Leaving
    events in it belong to it; one of a kind already seen in it proves that it had ended unnoticed, and starts another. Leaving events within
    `together` of the first are one occurrence in any case (blur and hidden; a focus that flickers). Each Alt+Tab and each `tab_switch` is an
    occurrence of its own; browser events within `together` of it belong to it, and so does the stretch away that they start.
    Copying: each copy, cut and paste is one; a clipboard change within `together` of a copy or cut belongs to it, and changes within
    `together` of one another belong together; any other is one. Full screen, sharing and displays are shown, and no occurrence.
    """
    unique: dict[str, ScreenAct] = {}
    for act in sorted(acts, key=lambda act: (act.at, act.id, act.kind, act.detail)):
        unique.setdefault(act.id, act)
    ordered = list(unique.values())
    lasting = _lasting(ordered, together, blur_least)
    return sorted([*_leavings(lasting, together), *_copies(ordered, together)], key=lambda found: (found.at, found.ids))


def _lasting(ordered: Sequence[ScreenAct], together: float, blur_least: float) -> list[ScreenAct]:
    """The acts without losses of the focus that are no leaving, as far as is known, and without what only proves one."""
    kept: list[ScreenAct] = []
    blur: ScreenAct | None = None  # the newest one that isn't known to be leaving
    for act in ordered:
        if act.kind == "tab_hidden" and act.detail == DIALOG:
            continue
        if act.kind == "window_blur" and act.detail in {CONTROLS, ELSEWHERE, UNCLEAR}:
            blur = act if act.detail != CONTROLS else None
            continue
        lasted = blur is not None and act.at - blur.at >= blur_least - _EDGE
        if blur is not None and _proves(act, blur, lasted=lasted, together=together):
            kept.append(blur)
            blur = None
        elif act.kind == "window_focus":
            blur = None
        kept += [act] if act.kind != "window_away" else []
    return sorted(kept, key=lambda act: act.at)


def _proves(act: ScreenAct, blur: ScreenAct, *, lasted: bool, together: float) -> bool:
    """Does what follows show that the focus was lost by leaving?"""
    if act.kind == "tab_hidden":
        return blur.detail == ELSEWHERE or _near(blur.at, act.at, together)
    if act.kind == "window_focus":
        return lasted and blur.detail == ELSEWHERE and act.detail != UNPROVEN
    return lasted and act.kind == "window_away"


@dataclass(slots=True)
class _Away:
    """A leaving as it grows. `seen`: kinds of browser events since the last return. `whole_at`: time of its Alt+Tab or `tab_switch`."""

    acts: list[ScreenAct]
    together: float
    seen: set[str] = field(default_factory=set)
    whole_at: float | None = None
    open: bool = False

    def takes(self, act: ScreenAct) -> bool:
        """Whether this leaving event belongs to this leaving."""
        if act.kind in WHOLE:
            return self.whole_at is None and (self.open or _near(self.acts[-1].at, act.at, self.together))
        if _near(self.acts[0].at, act.at, self.together) or (self.whole_at is not None and _near(self.whole_at, act.at, self.together)):
            return True
        return self.open and act.kind not in self.seen

    def add(self, act: ScreenAct) -> None:
        self.acts.append(act)
        if act.kind in WHOLE:
            self.whole_at = act.at
        else:
            self.open = True
            self.seen.add(act.kind)


def _leavings(ordered: Sequence[ScreenAct], together: float) -> list[Occurrence]:
    found: list[_Away] = []
    for act in ordered:
        last = found[-1] if found else None
        if act.kind in RETURNS:
            if last:
                last.open = False
                last.seen.clear()
        elif act.kind in LEAVES:
            if last is None or not last.takes(act):
                # A second Alt+Tab while away does not bring the student back: what the browser said still holds.
                stays = last if last and act.kind in WHOLE else None
                last = _Away([], together, set(stays.seen) if stays else set(), open=stays.open if stays else False)
                found.append(last)
            last.add(act)
    return [Occurrence("tab_switch", away.acts[0].at, _ids(away.acts), _leaving_detail(away.acts)) for away in found]


def _leaving_detail(acts: Sequence[ScreenAct]) -> str:
    named = next((act for act in acts if act.kind in WHOLE), None) or next((act for act in acts if act.kind == "tab_hidden"), acts[0])
    return TOLD.get(named.kind, LEAVES[named.kind]) if named.told_by == EXAM_PAGE else LEAVES[named.kind]


def _copies(ordered: Sequence[ScreenAct], together: float) -> list[Occurrence]:
    groups = [[act] for act in ordered if act.kind in COPIES]
    sources = [group for group in groups if group[0].kind != "paste"]  # a paste changes no clipboard
    times = [group[0].at for group in sources]
    for changes in _clusters([act for act in ordered if act.kind == "clipboard_changed"], together):
        near = [_nearest(times, change.at) for change in changes]
        owners = [index for index, change in zip(near, changes, strict=True) if index is not None and _near(times[index], change.at, together)]
        if not owners:
            groups.append(changes)
            continue
        for index, change in zip(near, changes, strict=True):
            sources[index if index in owners else owners[0]].append(change)
    return [Occurrence("copy_paste", group[0].at, _ids(sorted(group, key=lambda act: (act.at, act.id))), _copy_detail(group[0])) for group in groups]


def _copy_detail(act: ScreenAct) -> str:
    dropped = act.kind == "paste" and act.detail == DROPPED
    if act.told_by == EXAM_PAGE:
        return TOLD.get(DROPPED if dropped else act.kind, CLIPBOARD_DETAIL)
    return DROPPED_DETAIL if dropped else COPIES.get(act.kind, CLIPBOARD_DETAIL)


def _clusters(ordered: Sequence[ScreenAct], together: float) -> list[list[ScreenAct]]:
    """Acts in groups within which none is further than `together` from the one before."""
    clusters: list[list[ScreenAct]] = []
    for act in ordered:
        if clusters and _near(clusters[-1][-1].at, act.at, together):
            clusters[-1].append(act)
        else:
            clusters.append([act])
    return clusters


def _nearest(times: Sequence[float], at: float) -> int | None:
    """Index of the time nearest to `at` in sorted `times`; the earlier of two equally near."""
    right = bisect_left(times, at)
    candidates = [index for index in (right - 1, right) if 0 <= index < len(times)]
    return min(candidates, key=lambda index: abs(times[index] - at), default=None)


def _near(earlier: float, later: float, together: float) -> bool:
    return abs(later - earlier) <= together + _EDGE


def _ids(acts: Iterable[ScreenAct]) -> tuple[str, ...]:
    return tuple(act.id for act in acts)
