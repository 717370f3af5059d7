"""The doctor: why a connection fails, and what a credential may do."""

from .checkup import Access, doctor, doctor_hidden
from .report import DoctorReport, DoctorRow, Verdict

__all__ = ["Access", "DoctorReport", "DoctorRow", "Verdict", "doctor", "doctor_hidden"]
