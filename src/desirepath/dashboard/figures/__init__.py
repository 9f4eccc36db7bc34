"""Answers as charts, declared once with Altair: for pages, notebooks and files.

One file a chart, each a function from an answer to an :class:`altair.Chart`. They need the extra
``analysis``; the first page draws its own (:mod:`desirepath.dashboard.charts`), as it works without
it.
"""
