"""What document 004 takes and gives; the keys are those of the document, in its order."""
