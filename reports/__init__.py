"""Figures as people read them: page, workbook, pictures, short text; in Russian or English."""
