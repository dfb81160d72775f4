"""The scorecard: a static site inside each published version.

Here: what is read from the version's marts (`reading`), what is frozen beside them
(`facts`), words and figures (`texts`, `formats`), charts (`charts`), one module of
pages per view, and the builder that joins them (`site`). Not here: any rule. A page
shows what marts and findings say; a number that is not in them belongs into a model.
"""
